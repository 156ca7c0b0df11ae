// SPDX-License-Identifier: Apache-2.0
import Foundation
import Subprocess
import Testing

/// Two balancers on the same two links of a lab, and a wire between them for VRRP.
///
///     client br0 10.0.0.10 ---- client0 (balancer) backend0 ---- br0 backends
///                       \------ client0 (second)   backend0 -----/
///                                 vrrp0 <-> vrrp0
struct Pair: Sendable {
    let lab: Lab

    /// Makes the second balancer's place around `body`.
    static func run(_ body: (Pair) async throws -> Void) async throws {
        try await Lab.run { lab in
            let pair = Pair(lab: lab)
            let second = "\(lab.name)-second"
            try await Program.demand(["ip", "netns", "add", second])
            do {
                try await pair.connect()
                try await body(pair)
            } catch {
                _ = try? await Program.run(["ip", "netns", "delete", second])
                throw error
            }
            try await Program.demand(["ip", "netns", "delete", second])
        }
    }

    private func connect() async throws {
        for (place, addresses) in [
            (Lab.Place.client, ["10.0.0.10/24"]),
            (.backends, ["10.0.1.2/24", "10.0.1.3/24", "10.0.1.4/24"]),
        ] {
            let link = place == .client ? "client0" : "backend0"
            let peer = "peer name eth1 netns \(lab.name)-\(place.rawValue)"
            try await lab.ip(.second, "link add \(link) type veth \(peer)")
            try await lab.ip(.second, "link set \(link) up")
            try await Program.demand(
                lab.command(in: place, ["ethtool", "-K", "eth1", "tso", "off"])
            )
            try await lab.ip(place, "address flush dev eth0")
            try await lab.ip(place, "link add name br0 type bridge")
            for port in ["eth0", "eth1"] {
                try await lab.ip(place, "link set \(port) master br0")
                try await lab.ip(place, "link set \(port) up")
            }
            try await lab.ip(place, "link set br0 up")
            for address in addresses { try await lab.ip(place, "address add \(address) dev br0") }
        }
        try await lab.ip(
            .second,
            "link add vrrp0 type veth peer name vrrp0 netns \(lab.name)-balancer"
        )
        for (place, address) in [(Lab.Place.balancer, "10.255.0.1/30"), (.second, "10.255.0.2/30")]
        {
            try await lab.ip(place, "link set lo up")
            try await lab.ip(place, "address add \(address) dev vrrp0")
            try await lab.ip(place, "link set vrrp0 up")
        }
    }

    /// An instance that answers for 10.0.0.100 only while it has it.
    func setup(_ place: Lab.Place) -> Setup {
        let last = place == .second ? 2 : 1
        var setup = Setup()
        setup.instance = "\(last)"
        setup.home = place
        setup.global.append("service_addresses configured")
        setup.services.addresses = [
            "dpdk0": "10.0.0.\(last)/24", "dpdk1": "10.0.1.20\(last)/24",
        ]
        setup.services.services[0].locals = ["10.0.1.21\(last)"]
        return setup
    }

    /// Runs an unmodified keepalived that gives the virtual address to `interface`.
    func keepalived(
        in place: Lab.Place,
        priority: Int,
        on interface: String,
        _ body: (@escaping @Sendable () throws -> Void) async throws -> Void
    ) async throws {
        let base = "\(lab.directory)/keepalived-\(place.rawValue)"
        let text = """
            global_defs {
                vrrp_version 3
            }
            vrrp_instance web {
                state BACKUP
                interface vrrp0
                virtual_router_id 51
                priority \(priority)
                advert_int 1
                virtual_ipaddress {
                    10.0.0.100/32 dev \(interface)
                }
            }
            """
        try Data((text + "\n").utf8).write(to: URL(filePath: base + ".conf"))
        let words = lab.command(
            in: place,
            ["keepalived", "--vrrp", "--dont-fork", "--log-console", "-f", base + ".conf"]
                + ["-p", base + ".pid", "-r", base + ".vrrp.pid"]
        )
        _ = try await Subprocess.run(
            .name("sh"),
            arguments: Arguments(["-c", #"exec "$@" >"$0" 2>&1"#, base + ".log"] + words),
            input: .none,
            output: .discarded,
            error: .discarded
        ) { process in
            let end: @Sendable () throws -> Void = {
                try process.send(signal: .terminate)
            }
            try await body(end)
            try? end()
        }
    }

    /// What a client sees that asks every 10 ms for some time.
    struct Outage: Sendable, CustomStringConvertible {
        var answered: Int
        var lost: Int
        /// Milliseconds from one answer to the next, at most.
        var gap: Int

        var description: String { "\(answered) answered, \(lost) lost, longest gap \(gap) ms" }
    }

    /// Asks for `seconds` while `body` does something about it.
    func watch(
        _ seconds: Int,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws
        -> Outage
    {
        let script = """
            import socket, sys, time
            end = time.monotonic() + float(sys.argv[1])
            last = None
            answered = lost = 0
            gap = 0.0
            while time.monotonic() < end:
                begin = time.monotonic()
                try:
                    with socket.create_connection(("10.0.0.100", 80), 0.05) as link:
                        link.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
                        good = link.recv(4096).startswith(b"HTTP")
                except OSError:
                    good = False
                now = time.monotonic()
                if good:
                    answered += 1
                    gap = max(gap, now - (last or now))
                    last = now
                else:
                    lost += 1
                time.sleep(max(0, begin + 0.01 - time.monotonic()))
            print(answered, lost, round(gap * 1000))
            """
        async let outcome = Program.run(
            lab.command(in: .client, ["python3", "-c", script, "\(seconds)"])
        )
        try await body()
        let numbers = try await outcome.output.split(whereSeparator: \.isWhitespace)
            .compactMap { Int($0) }
        try #require(numbers.count == 3)
        return Outage(answered: numbers[0], lost: numbers[1], gap: numbers[2])
    }
}
