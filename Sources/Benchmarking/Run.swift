// SPDX-License-Identifier: Apache-2.0
import Model

/// A named measurement.
package struct Run: Sendable {
    enum Shape: Sendable {
        case single
        /// Two workers in turn on one thread, replies at the wrong one.
        case redirect
        /// As many threads, each with ports of its own.
        case parallel(Int)
    }

    package let name: String
    package let family: String
    var flows: Int?
    var shape = Shape.single
    var load: Load

    /// Flow counts by the suffix of a run's name: powers of two.
    private static let counts = [
        ("1", 1), ("10k", 1 << 14), ("1m", 1 << 20), ("10m", 1 << 24),
    ]

    package static let all: [Run] =
        counts.map { fnatUDP($0, $1) }
        + [ForwardingMode.dr, .tunnel, .nat, .snat]
        .flatMap { mode in counts.prefix(3).map { oneWay(mode, $0, $1) } }
        + counts.prefix(3).map { fnatTCP($0, $1) }
        + counts.prefix(3).map { fnatMixed($0, $1) }
        + [
            addressed(.toa, "toa"),
            // The address is silent for 300 s (`udp.timeout.oneway`), TCP for 30 s (`syn_recv`).
            setup("udp-setup", .udp, .newFlows, .silence, step: .milliseconds(10)),
            quicSetup,
            setup("tcp-setup", .tcp, .tcpClient, .tcpServer, step: .microseconds(100)),
            setup("tcp-setup-toa", .tcp, .tcpClient, .tcpServer, .toa, step: .microseconds(100)),
            setup("tcp-reset", .tcp, .resettingClient, .acceptor, step: .microseconds(50)),
            setup("tcp-syn-flood", .tcp, .newFlows, .silence, step: .milliseconds(1)),
            services("1", 1), services("100", 1 << 7), services("10k", 1 << 14), redirect,
            parallel(1), parallel(2), seen,
        ]

    /// Runs by their names or parts of names; all when there are none.
    ///
    /// A run whose whole name is given counts alone: "fnat-udp-1" is a part of others, too.
    package static func named(_ names: [String]) -> [Run] {
        guard !names.isEmpty else { return all }
        return all.filter { run in
            names.contains { name in
                all.contains { $0.name == name } ? run.name == name : run.name.contains(name)
            }
        }
    }

    // MARK: - Kinds

    private static func fnatUDP(_ suffix: String, _ flows: Int) -> Run {
        var load = Load(traffic: .datagrams(flows: UInt64(flows)))
        load.setting.connections = max(1 << 16, flows)
        // A sub-pool of 64 addresses has 4.1 million ports and serves several of 16 backends.
        if flows > 1 << 22 { load.setting.localAddresses = 256 }
        return Run(name: "fnat-udp-\(suffix)", family: "fnat-udp", flows: flows, load: load)
    }

    /// Datagrams of clients in another mode.
    private static func oneWay(_ mode: ForwardingMode, _ suffix: String, _ flows: Int) -> Run {
        var run = fnatUDP(suffix, flows)
        run.load.setting.mode = mode
        let family = "\(mode.rawValue)-udp"
        return Run(name: "\(family)-\(suffix)", family: family, flows: flows, load: run.load)
    }

    private static func fnatTCP(_ suffix: String, _ flows: Int) -> Run {
        var load = Load(traffic: .segments(flows: UInt64(flows)), answer: .acceptor)
        load.setting.protocol = .tcp
        // The backends answer nothing, so an address would be told for ever.
        load.setting.clientAddress = ClientAddressMode.none
        load.setting.connections = max(1 << 16, flows)
        return Run(name: "fnat-tcp-\(suffix)", family: "fnat-tcp", flows: flows, load: load)
    }

    /// Segments each of which takes the client's address along, until the backend has it: never.
    private static func addressed(_ mode: ClientAddressMode, _ suffix: String) -> Run {
        var run = fnatTCP(suffix, 1 << 10)
        run.load.setting.clientAddress = mode
        return run
    }

    private static func fnatMixed(_ suffix: String, _ flows: Int) -> Run {
        var load = Load(traffic: .datagrams(flows: UInt64(flows)), answer: .echo)
        load.setting.connections = max(1 << 16, flows)
        return Run(name: "fnat-mixed-\(suffix)", family: "fnat-mixed", flows: flows, load: load)
    }

    private static func setup(
        _ name: String,
        _ protocol: TransportProtocol,
        _ client: Traffic,
        _ server: Traffic,
        _ clientAddress: ClientAddressMode = .none,
        step: Duration
    ) -> Run {
        var setting = Setting(protocol: `protocol`, connections: 1 << 20)
        setting.clientAddress = clientAddress
        let load = Load(traffic: client, answer: server, setting: setting, step: step)
        return Run(name: name, family: name, load: load)
    }

    /// `udp-setup` to a service that reads connection ids, which takes AES.
    private static var quicSetup: Run {
        var run = setup("quic-setup", .udp, .newFlows, .silence, step: .milliseconds(10))
        run.load.setting.isQUIC = true
        return run
    }

    private static func services(_ suffix: String, _ count: Int) -> Run {
        let setting = Setting(connections: 1 << 20, services: count, localAddresses: 8)
        let load = Load(
            traffic: .services(flows: 1 << 14),
            setting: setting,
            step: .milliseconds(2)
        )
        return Run(name: "services-\(suffix)", family: "services", load: load)
    }

    private static var redirect: Run {
        var run = fnatMixed("10k", 1 << 14)
        run.load.setting.workers = 2
        return Run(name: "redirect", family: "redirect", shape: .redirect, load: run.load)
    }

    /// `fnat-udp-1m` while somebody lists the million.
    private static var seen: Run {
        var run = fnatUDP("1m", 1 << 20)
        run.load.isSeen = true
        return Run(name: "connections-seen", family: "seen", flows: run.flows, load: run.load)
    }

    private static func parallel(_ workers: Int) -> Run {
        var run = fnatUDP("10k", 1 << 14)
        run.load.setting.workers = workers
        return Run(
            name: "workers-\(workers)",
            family: "workers",
            shape: .parallel(workers),
            load: run.load
        )
    }
}
