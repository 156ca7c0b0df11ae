// SPDX-License-Identifier: Apache-2.0
import Addressing

/// What a scheduler may know about the first packet of a flow; addresses of both families are
/// numbers of 128 bits, an IPv4 one as `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2).
public struct FlowKey: BitwiseCopyable, Sendable, Equatable {
    public var sourceHigh: UInt64
    public var sourceLow: UInt64
    public var destinationHigh: UInt64
    public var destinationLow: UInt64
    /// The first eight octets of the QUIC connection id, 0 without one.
    public var connectionID: UInt64 = 0
    public var sourcePort: UInt16
    public var hasConnectionID = false

    public init(
        source: (high: UInt64, low: UInt64),
        sourcePort: UInt16,
        destination: (high: UInt64, low: UInt64)
    ) {
        sourceHigh = source.high
        sourceLow = source.low
        destinationHigh = destination.high
        destinationLow = destination.low
        self.sourcePort = sourcePort
    }

    public init(_ flow: Flow) {
        self.init(
            source: (flow.source.first.bigEndian, flow.source.second.bigEndian),
            sourcePort: flow.sourcePort,
            destination: (flow.destination.first.bigEndian, flow.destination.second.bigEndian)
        )
    }

    /// The same on every instance; `options` say what goes in.
    func hash(_ options: Scheduler.Options) -> UInt64 {
        if options.contains(.usesConnectionID), hasConnectionID {
            return FixedHash.of(0, connectionID, 1)
        }
        if options.contains(.usesDestination) {
            return FixedHash.of(destinationHigh, destinationLow)
        }
        let port = options.contains(.usesPort) ? UInt64(sourcePort) : 0
        return FixedHash.of(sourceHigh, sourceLow, port)
    }
}
