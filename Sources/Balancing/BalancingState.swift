// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// The balancing half of a snapshot.
///
/// A handle to immutable memory that the snapshot's maker destroys; what the pools point at is
/// mutable and belongs to the workers.
@safe
public struct BalancingState: BitwiseCopyable, @unchecked Sendable {
    /// Switches of `dpvs.conf` that packets ask for.
    public struct Options: OptionSet, BitwiseCopyable, Sendable {
        public var rawValue: UInt32

        public init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// `ipvs_defs/tcp/defence_tcp_drop`: see `isSilent`.
        public static let defenceTCPDrop = Options(rawValue: 1 << 0)
        /// `ipvs_defs/udp/defence_udp_drop`: see `isSilent`.
        public static let defenceUDPDrop = Options(rawValue: 1 << 1)
        /// `ipvs_defs/conn/xmit_ttl`: balancing counts as a hop.
        public static let decrementTTL = Options(rawValue: 1 << 2)
        /// The program ends soon: connections finish, new ones are refused.
        public static let stopping = Options(rawValue: 1 << 3)
        /// Some service is of mode `nat`: packets for others may be replies of its backends.
        public static let hasNAT = Options(rawValue: 1 << 4)
        /// `ipvs_defs/conn/expire_quiescent_template`: clients leave backends of weight 0.
        public static let expireQuiescentTemplates = Options(rawValue: 1 << 5)
    }

    @unsafe
    private struct Contents {
        var services: ServiceTable
        var options: Options
        var workerCount: Int
        /// Indexed by state, in ticks.
        var stateTimeouts: UnsafeMutablePointer<UInt32>
        var openingTimeout: UInt32
        var pools: UnsafeMutablePointer<LocalPortPool?>
        var poolCount: Int
        var localSlots: AddressTable
        var policies: UnsafeMutablePointer<BackendPolicy>
        var backendCount: Int
        /// By backend slot; none at all when there is no tunnel service.
        var encapsulations: UnsafeMutablePointer<Encapsulation?>
        var encapsulationCount: Int
        /// By backend slot; none at all when no service is persistent.
        var places: UnsafeMutablePointer<BackendPlace?>
        var placeCount: Int
        var sweeps: UInt64
        var sets: AddressSets
    }

    /// Behind a pointer, so that handing the state on is one register.
    private let contents: UnsafeMutablePointer<Contents>

    /// Copies everything into flat memory.
    ///
    /// `pools` are by local address slot, then worker, and `localAddresses` tell the slots; `policies`
    /// and `encapsulations` are by backend slot, and so are `places` of persistent services. `sweeps`
    /// is another number whenever one more of them is ending, or limits of packets are others.
    public init(
        services: ServiceTable,
        timeouts: StateTimeouts,
        options: Options,
        workerCount: Int,
        pools: [LocalPortPool?],
        localAddresses: [(IPAddress, slot: Int)],
        policies: [BackendPolicy],
        sweeps: UInt64 = 0,
        encapsulations: [Int: Encapsulation] = [:],
        places: [BackendPlace?] = [],
        sets: AddressSets = AddressSets()
    ) {
        unsafe contents = .allocate(capacity: 1)
        unsafe contents.initialize(
            to: Contents(
                services: services,
                options: options,
                workerCount: workerCount,
                stateTimeouts: Self.copy(timeouts.ticks),
                openingTimeout: timeouts.opening,
                pools: Self.copy(pools),
                poolCount: pools.count,
                localSlots: AddressTable(localAddresses.map { ($0, UInt32($1)) }),
                policies: Self.copy(policies),
                backendCount: policies.count,
                encapsulations: Self.copy(
                    encapsulations.isEmpty ? [] : policies.indices.map { encapsulations[$0] }
                ),
                encapsulationCount: encapsulations.isEmpty ? 0 : policies.count,
                places: Self.copy(places),
                placeCount: places.count,
                sweeps: sweeps,
                sets: sets
            )
        )
    }

    private static func copy<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
        let memory = UnsafeMutablePointer<Element>.allocate(capacity: max(1, elements.count))
        unsafe elements.withUnsafeBufferPointer { elements in
            if let start = elements.baseAddress {
                unsafe memory.initialize(from: start, count: elements.count)
            }
        }
        return unsafe memory
    }

    /// Frees all but the table of services, which others may have, too.
    public func destroy() {
        unsafe contents.pointee.pools.deallocate()
        unsafe contents.pointee.stateTimeouts.deallocate()
        unsafe contents.pointee.localSlots.destroy()
        unsafe contents.pointee.policies.deallocate()
        unsafe contents.pointee.encapsulations.deallocate()
        unsafe contents.pointee.places.deallocate()
        unsafe contents.pointee.sets.destroy()
        unsafe contents.deallocate()
    }

    // MARK: - Looking ahead

    /// The same state with copies of the ports that `worker` has of `addresses`, and of no others.
    ///
    /// What is opened with it takes no port of the real ones. To be ended by `endRehearsal`, while the
    /// state that it was made from still is.
    public func rehearsal(worker: Int, addresses: [WireAddress]) -> BalancingState {
        let count = unsafe contents.pointee.poolCount
        let pools = UnsafeMutablePointer<LocalPortPool?>.allocate(capacity: max(1, count))
        unsafe pools.initialize(repeating: nil, count: max(1, count))
        for address in addresses {
            guard let slot = unsafe contents.pointee.localSlots.value(for: address) else {
                continue
            }
            let index = Int(slot) &* workerCount &+ worker
            guard index < count, unsafe pools[index] == nil else { continue }
            unsafe pools[index] = unsafe contents.pointee.pools[index]?.copy()
        }
        var copy = unsafe contents.pointee
        unsafe copy.pools = unsafe pools
        let memory = UnsafeMutablePointer<Contents>.allocate(capacity: 1)
        unsafe memory.initialize(to: copy)
        return unsafe BalancingState(contents: memory)
    }

    private init(contents: UnsafeMutablePointer<Contents>) {
        unsafe self.contents = unsafe contents
    }

    /// Frees what `rehearsal` made, and nothing of the state that it was made from.
    public func endRehearsal() {
        for index in 0..<(unsafe contents.pointee.poolCount) {
            unsafe contents.pointee.pools[index]?.destroy()
        }
        unsafe contents.pointee.pools.deallocate()
        unsafe contents.deallocate()
    }

    public var services: ServiceTable { unsafe contents.pointee.services }
    public var options: Options { unsafe contents.pointee.options }
    public var sets: AddressSets { unsafe contents.pointee.sets }
    public var workerCount: Int { unsafe contents.pointee.workerCount }

    /// Whether the sender of a packet that has neither connection nor service is told nothing.
    ///
    /// `defence_tcp_drop`: TCP that opens no connection, to an address with a service of TCP.
    /// `defence_udp_drop`: UDP to an address with services of TCP and none of UDP.
    public func isSilent(on flow: Flow, opens: Bool) -> Bool {
        let address = flow.destination
        switch flow.protocol {
        case .tcp where options.contains(.defenceTCPDrop):
            return !opens && services.hasService(at: address, .tcp)
        case .udp where options.contains(.defenceUDPDrop):
            return !services.hasService(at: address, .udp)
                && services.hasService(at: address, .tcp)
        default: return false
        }
    }

    /// Changes when connections are to be looked through: see `Balancer.sweep`.
    var sweeps: UInt64 { unsafe contents.pointee.sweeps }

    /// The ports of a local address that belong to `worker`.
    func pool(_ localSlot: UInt16, worker: Int) -> LocalPortPool? {
        let index = Int(localSlot) &* workerCount &+ worker
        guard unsafe index < contents.pointee.poolCount else { return nil }
        return unsafe contents.pointee.pools[index]
    }

    /// The same, by the address itself.
    func pool(of address: WireAddress, worker: Int) -> LocalPortPool? {
        guard let slot = unsafe contents.pointee.localSlots.value(for: address) else { return nil }
        return pool(UInt16(truncatingIfNeeded: slot), worker: worker)
    }

    /// How a backend's connections are treated; without a word about it, as any others.
    func policy(ofBackend slot: UInt32) -> BackendPolicy {
        guard unsafe Int(slot) < contents.pointee.backendCount else { return BackendPolicy() }
        return unsafe contents.pointee.policies[Int(slot)]
    }

    /// How packets to the backend at `slot` are wrapped, of a tunnel service.
    public func encapsulation(_ slot: UInt32) -> Encapsulation? {
        guard unsafe Int(slot) < contents.pointee.encapsulationCount else { return nil }
        return unsafe contents.pointee.encapsulations[Int(slot)]
    }

    /// Where a backend of a persistent service stands in it.
    func place(of backend: UInt32) -> BackendPlace? {
        guard unsafe Int(backend) < contents.pointee.placeCount else { return nil }
        return unsafe contents.pointee.places[Int(backend)]
    }

    /// Ticks of silence after which a connection ends.
    func timeout(of connection: Connection) -> UInt32 {
        let policy = policy(ofBackend: connection.backendSlot)
        if policy.isEnding { return 0 }
        let state = connection.state
        if policy.timeout != 0, state.takesServiceTimeout { return policy.timeout }
        return timeout(in: state)
    }

    /// The same for one whose first packet was not sent on yet.
    func timeout(ofNew connection: Connection) -> UInt32 {
        connection.state.isUntried
            ? unsafe contents.pointee.openingTimeout : timeout(of: connection)
    }

    /// The same for a connection of a service without a time of its own.
    private func timeout(in state: ConnectionState) -> UInt32 {
        unsafe contents.pointee.stateTimeouts[Int(state.rawValue)]
    }
}
