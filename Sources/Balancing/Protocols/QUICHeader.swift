// SPDX-License-Identifier: Apache-2.0
public import Packet

/// What the first QUIC packet of a UDP datagram tells whoever has no keys.
///
/// Only what RFC 8999 promises of every version is relied on, and what RFC 9000 and RFC 9369 say of
/// the two versions there are:
///
///     long    | 1 ....... | version (4) | length | destination id (length) | length | source id ...
///     short   | 0 ....... | destination id, whose length only its maker knows ...
///
/// The bit after the first is not looked at: RFC 9287 has endpoints set it as they like.
public struct QUICHeader: Equatable, Sendable, BitwiseCopyable {
    /// A version; an open set, see the IANA registry "QUIC Versions".
    public struct Version: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
        public var rawValue: UInt32

        public init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// Of a Version Negotiation packet, which only servers send.
        public static let negotiation = Version(rawValue: 0)
        /// RFC 9000.
        public static let one = Version(rawValue: 1)
        /// RFC 9369.
        public static let two = Version(rawValue: 0x6B33_43CF)
    }

    /// Nil in a short header.
    public var version: Version?
    /// The destination connection id.
    ///
    /// In a short header the octets that it is at the beginning of,
    /// as many as can be; nil when it is longer than 20 octets, which other versions allow.
    public var destination: QUICConnectionID?
    /// Known to be an Initial or 0-RTT packet: before its server answers, a client makes up the id.
    public var mayCarryClientID: Bool

    public var isLong: Bool { version != nil }

    /// Reads a whole UDP payload.
    init?(_ payload: FrameBytes) { self.init(payload, from: 0, to: payload.count) }

    /// Reads the UDP payload between `start` and `end`; nil when it is no QUIC packet.
    public init?(_ bytes: FrameBytes, from start: Int, to end: Int) {
        let end = min(end, bytes.count)
        guard start < end, let flags = bytes.octet(start) else { return nil }
        guard flags & 0x80 != 0 else {
            version = nil
            mayCarryClientID = false
            let count = min(end &- start &- 1, QUICConnectionID.longest)
            destination = QUICConnectionID(bytes, at: start &+ 1, count: count)
            return
        }
        guard
            let version = bytes.long(start &+ 1).map(Version.init(rawValue:)),
            let count = bytes.octet(start &+ 5).map(Int.init),
            start &+ 6 &+ count <= end
        else { return nil }
        // RFC 9000 section 17.2: "Endpoints that receive a version 1 long header with a value
        // larger than 20 MUST drop the packet."
        let isTooLong = count > QUICConnectionID.longest
        guard !isTooLong || (version != .one && version != .two) else { return nil }
        self.version = version
        destination = QUICConnectionID(bytes, at: start &+ 6, count: count)
        switch (version, flags >> 4 & 3) {
        // RFC 9000 table 5; RFC 9369 section 3.2.
        case (.one, 0), (.one, 1), (.two, 1), (.two, 2): mayCarryClientID = true
        default: mayCarryClientID = false
        }
    }
}
