// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import Networking

/// Services of packets that are addressed to somebody else, in the order of the configuration.
///
/// A linear list, as the rules have no order of their own: it is asked once a connection, and only
/// for packets that have a route through us. A handle to immutable memory that its maker destroys;
/// the records belong to others.
@safe
public struct ServiceMatches: BitwiseCopyable, @unchecked Sendable {
    /// What belongs to one service; ranges of addresses are of one family.
    public struct Rule {
        public var sources: ClosedRange<UInt128>
        public var destinations: ClosedRange<UInt128>
        public var sourcePorts: ClosedRange<UInt16>
        public var ports: ClosedRange<UInt16>
        public var `protocol`: FlowProtocol
        /// nil: any.
        public var input: InterfaceID?
        public var output: InterfaceID?
        public var record: ServiceRecord

        public init(
            sources: ClosedRange<IPAddress>,
            destinations: ClosedRange<IPAddress>,
            sourcePorts: ClosedRange<UInt16> = 0...65535,
            ports: ClosedRange<UInt16> = 0...65535,
            protocol: FlowProtocol,
            input: InterfaceID? = nil,
            output: InterfaceID? = nil,
            record: ServiceRecord
        ) {
            self.sources = Self.numbers(sources)
            self.destinations = Self.numbers(destinations)
            self.sourcePorts = sourcePorts
            self.ports = ports
            self.protocol = `protocol`
            self.input = input
            self.output = output
            self.record = record
        }

        private static func numbers(_ range: ClosedRange<IPAddress>) -> ClosedRange<UInt128> {
            WireAddress(range.lowerBound).number...WireAddress(range.upperBound).number
        }

        fileprivate func fits(_ flow: Flow, _ passage: Passage) -> Bool {
            `protocol` == flow.protocol && sources.contains(flow.source.number)
                && destinations.contains(flow.destination.number)
                && sourcePorts.contains(flow.sourcePort) && ports.contains(flow.destinationPort)
                && input.map { $0 == passage.input } ?? true
                && output.map { $0 == passage.output } ?? true
        }
    }

    private let rules: UnsafeMutablePointer<Rule>
    private let count: Int

    init(_ rules: [Rule]) {
        count = rules.count
        unsafe self.rules = .allocate(capacity: max(1, rules.count))
        for (index, rule) in rules.enumerated() {
            unsafe (self.rules + index).initialize(to: rule)
        }
    }

    func destroy() { unsafe rules.deallocate() }

    public var isEmpty: Bool { count == 0 }

    /// The first service whose rule a packet fits.
    public func service(for flow: Flow, _ passage: Passage) -> ServiceRecord? {
        for index in 0..<count where unsafe rules[index].fits(flow, passage) {
            return unsafe rules[index].record
        }
        return nil
    }
}

/// How a packet that is addressed to somebody else passes through.
public struct Passage: BitwiseCopyable, Sendable {
    public var input: InterfaceID
    /// By the route to its destination.
    public var output: InterfaceID

    public init(input: InterfaceID, output: InterfaceID) {
        self.input = input
        self.output = output
    }
}
