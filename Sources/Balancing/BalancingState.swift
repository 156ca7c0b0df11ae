// SPDX-License-Identifier: Apache-2.0

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

        /// `ipvs_defs/tcp/defence_tcp_drop`: stay silent on TCP to own addresses that fits nothing.
        public static let defenceTCPDrop = Options(rawValue: 1 << 0)
        /// `ipvs_defs/udp/defence_udp_drop`: the same for UDP.
        public static let defenceUDPDrop = Options(rawValue: 1 << 1)
        /// `ipvs_defs/conn/xmit_ttl`: balancing counts as a hop.
        public static let decrementTTL = Options(rawValue: 1 << 2)
        /// The program ends soon: connections finish, new ones are refused.
        public static let stopping = Options(rawValue: 1 << 3)
    }

    public let services: ServiceTable
    /// Indexed by state, in ticks.
    private let stateTimeouts: UnsafeMutablePointer<UInt32>
    public let options: Options
    public let workerCount: Int
    private let pools: UnsafeMutablePointer<LocalPortPool?>
    private let poolCount: Int
    private let serviceTimeouts: UnsafeMutablePointer<UInt32>
    private let serviceCount: Int

    /// Copies everything into flat memory.
    ///
    /// `pools` are by local address slot, then worker; `serviceTimeouts` by service slot, in ticks,
    /// where 0 means the protocol's.
    public init(
        services: ServiceTable,
        timeouts: StateTimeouts,
        options: Options,
        workerCount: Int,
        pools: [LocalPortPool?],
        serviceTimeouts: [UInt32]
    ) {
        self.services = services
        unsafe stateTimeouts = .allocate(capacity: timeouts.ticks.count)
        for (index, ticks) in timeouts.ticks.enumerated() {
            unsafe (stateTimeouts + index).initialize(to: ticks)
        }
        self.options = options
        self.workerCount = workerCount
        poolCount = pools.count
        serviceCount = serviceTimeouts.count
        unsafe self.pools = .allocate(capacity: max(1, pools.count))
        unsafe self.serviceTimeouts = .allocate(capacity: max(1, serviceTimeouts.count))
        for (index, pool) in pools.enumerated() {
            unsafe (self.pools + index).initialize(to: pool)
        }
        for (index, ticks) in serviceTimeouts.enumerated() {
            unsafe (self.serviceTimeouts + index).initialize(to: ticks)
        }
    }

    public func destroy() {
        services.destroy()
        unsafe pools.deallocate()
        unsafe stateTimeouts.deallocate()
        unsafe serviceTimeouts.deallocate()
    }

    /// The ports of a local address that belong to `worker`.
    func pool(_ localSlot: UInt16, worker: Int) -> LocalPortPool? {
        let index = Int(localSlot) &* workerCount &+ worker
        guard index < poolCount else { return nil }
        return unsafe pools[index]
    }

    /// Ticks of silence after which a connection ends.
    func timeout(of connection: Connection) -> UInt32 {
        if connection.state == .established
            || connection.state.rawValue
                >= ConnectionState.oneWay.rawValue
        {
            let own =
                Int(connection.serviceSlot) < serviceCount
                ? unsafe serviceTimeouts[Int(connection.serviceSlot)] : 0
            if own != 0 { return own }
        }
        return timeout(in: connection.state)
    }

    /// The same for a connection of a service without a time of its own.
    func timeout(in state: ConnectionState) -> UInt32 {
        unsafe stateTimeouts[Int(state.rawValue)]
    }
}
