// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet

/// The extension headers of an IPv6 packet as a translator sees them (RFC 7915 section 5.1).
///
/// "If any of an IPv6 Hop-by-Hop Options header, Destination Options header, or Routing header with
/// the Segments Left field equal to zero are present in the IPv6 packet, those IPv6 extension
/// headers MUST be ignored by the translator"; others stop the translation.
struct ExtensionHeaders: BitwiseCopyable {
    /// Where the transport header begins, or the data of a later fragment.
    var transportOffset: Int
    var `protocol`: IPProtocol
    /// Where the fragment header begins; nil when there is none.
    var fragmentOffset: Int?

    /// As `ParsedFrame`.
    private static let limit = 8

    private init(transportOffset: Int, protocol: IPProtocol) {
        self.transportOffset = transportOffset
        self.protocol = `protocol`
    }

    enum Outcome: BitwiseCopyable {
        case read(ExtensionHeaders)
        case refused(TranslationRefusal)
    }

    /// Reads the headers of the packet at `base`, which ends before `end`.
    ///
    /// Inside an ICMP error a routing header may have segments left: it was on its way.
    static func read(_ bytes: FrameBytes, at base: Int, end: Int, isQuoted: Bool) -> Outcome {
        guard end <= bytes.count, base &+ 40 <= end, let first = bytes.octet(base &+ 6) else {
            return .refused(.malformed)
        }
        var headers = Self(transportOffset: base &+ 40, protocol: IPProtocol(rawValue: first))
        for _ in 0...limit {
            let offset = headers.transportOffset
            guard Self.isExtension(headers.protocol) else { return .read(headers) }
            // "If the Next Header field of the Fragment Header is an extension header [...], then
            // the packet SHOULD be dropped" (RFC 7915 section 5.1.1).
            guard headers.fragmentOffset == nil else { return .refused(.unsupportedExtension) }
            guard
                offset &+ 8 <= end, let next = bytes.octet(offset),
                let units = bytes.octet(offset &+ 1)
            else { return .refused(.malformed) }
            switch headers.protocol {
            case .hopByHopOptions, .destinationOptions: break
            case .routing:
                guard isQuoted || bytes.octet(offset &+ 3) == 0 else {
                    let pointer = UInt16(truncatingIfNeeded: offset &+ 3 &- base)
                    return .refused(.routingHeader(pointer: pointer))
                }
            case .fragment: headers.fragmentOffset = offset
            default: return .refused(.unsupportedExtension)
            }
            let length = headers.fragmentOffset == nil ? (Int(units) &+ 1) &* 8 : 8
            guard offset &+ length <= end else { return .refused(.malformed) }
            headers.transportOffset = offset &+ length
            headers.protocol = IPProtocol(rawValue: next)
        }
        return .refused(.unsupportedExtension)
    }

    /// Whether `number` is an extension header; those without a name are mobility, HIP and shim6
    /// (RFC 6275, RFC 7401, RFC 5533).
    private static func isExtension(_ number: IPProtocol) -> Bool {
        switch number {
        case .hopByHopOptions, .destinationOptions, .routing, .fragment, .authentication: true
        default: number.rawValue == 135 || number.rawValue == 139 || number.rawValue == 140
        }
    }
}
