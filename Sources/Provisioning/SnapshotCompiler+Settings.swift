// SPDX-License-Identifier: Apache-2.0
package import Balancing
import Dataplane
package import Model
import Networking
import Timing

extension SnapshotCompiler {
    /// `conn_init_timeout`, `ipvs_defs/tcp/timeout` and `ipvs_defs/udp/timeout` in ticks; what has no
    /// item is fixed.
    func stateTimeouts(of settings: Settings) -> StateTimeouts {
        let opening = ticks(
            covering: .seconds(settings.integer("ipvs_defs.conn.conn_init_timeout"))
        )
        return StateTimeouts(opening: opening) { state in
            if let fixed = state.fixedTimeout { return ticks(covering: fixed) }
            let item =
                switch state {
                case .oneWay: "ipvs_defs.udp.timeout.oneway"
                case .twoWay: "ipvs_defs.udp.timeout.normal"
                default: "ipvs_defs.tcp.timeout.\(state.name)"
                }
            return ticks(covering: .seconds(settings.integer(item)))
        }
    }

    func options(of state: DesiredState, isStopping: Bool) -> BalancingState.Options {
        let settings = state.settings
        var options: BalancingState.Options = []
        if state.services.contains(where: { $0.mode == .nat }) { options.insert(.hasNAT) }
        if isStopping { options.insert(.stopping) }
        if settings.isOn("ipvs_defs.tcp.defence_tcp_drop") { options.insert(.defenceTCPDrop) }
        if settings.isOn("ipvs_defs.udp.defence_udp_drop") { options.insert(.defenceUDPDrop) }
        if settings.isOn("ipvs_defs.conn.xmit_ttl") { options.insert(.decrementTTL) }
        if settings.isOn("ipvs_defs.conn.expire_quiescent_template") {
            options.insert(.expireQuiescentTemplates)
        }
        return options
    }

    /// What `exception_defs` says, by class.
    func exceptionRates(of settings: Settings) -> [Int] {
        ExceptionClass.allCases.sorted { $0.rawValue < $1.rawValue }
            .map { settings.integer("exception_defs.\($0.name)_rate") }
    }

    func ticks(covering duration: Duration) -> UInt32 { Tick.count(covering: duration) }
}

extension SlowPathLimits {
    /// What `neigh_defs`, `ipv4_defs` and `ipv6_defs` say.
    package init(_ settings: Settings) {
        self.init(
            neighbours: .init(
                reachableTime: .seconds(settings.integer("neigh_defs.timeout")),
                queueLength: settings.integer("neigh_defs.unres_queue_length"),
                // So that nobody who is silent takes the buffers of all others.
                totalLength: max(1, settings.integer("netif_defs.pktpool_size") / 8)
            ),
            timeToLive: UInt8(clamping: max(1, settings.integer("ipv4_defs.default_ttl"))),
            acceptsRouterAdvertisements: settings.isOn("ipv6_defs.accept_ra")
                && !settings.isOn("ipv6_defs.disable"),
            discoveredLinks: Self.discoveredLinks(settings)
        )
    }
}

extension SlowPathLimits {
    /// Where it is on, by the number of the port.
    private static func discoveredLinks(_ settings: Settings) -> [Int: String] {
        guard settings.isOn("global_defs.lldp") else { return [:] }
        let ports = settings.ports.enumerated().filter { $1.isOn("lldp") }
        return Dictionary(uniqueKeysWithValues: ports.map { ($0, $1.name) })
    }
}

extension FragmentTable.Limits {
    /// What `ipv4_defs/fragment` says, for both families.
    package init(_ settings: Settings) {
        self.init()
        decisions = min(settings.integer("ipv4_defs.fragment.max_entries"), 1 << 22)
        waiting = max(1, decisions / 4)
        held = waiting
        waitingLifetime = .seconds(settings.integer("ipv4_defs.fragment.ttl"))
    }
}
