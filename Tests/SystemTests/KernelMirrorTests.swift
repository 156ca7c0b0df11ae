// SPDX-License-Identifier: Apache-2.0
import Control
import Model
import Testing

extension SystemTests {
    struct KernelMirrorTests {
        /// Gives dpdk0 the companion that it has not made itself, and keeps the kernel from taking
        /// part at client0: only a port without a driver of DPDK's own shows it its packets, too.
        private func prepare(_ lab: Lab, _ place: Lab.Place = .balancer) async throws {
            let isThere = try await lab.run(in: place, "ip", "link", "show", "dpdk0.kni")
            if isThere.status != 0 {
                try await lab.ip(place, "tuntap add name dpdk0.kni mode tap")
            }
            try await lab.ip(place, "link set dpdk0.kni up")
            try await lab.ip(place, "link add name hush type bridge")
            try await lab.ip(place, "link set client0 master hush")
        }

        private func answers(_ lab: Lab) async throws -> Bool {
            try await lab.ip(.client, "neighbour flush dev eth0")
            let outcome = try await lab.curl("http://10.0.0.100/", "--connect-timeout", "1")
            return outcome.status == 0
        }

        @Test func `a virtual address is served while the kernel has it`() async throws {
            var setup = Setup()
            setup.global.append("service_addresses configured")
            try await Lab.balance(setup) { lab, balancer in
                try await prepare(lab)
                #expect(try await !answers(lab))

                try await lab.ip(.balancer, "address add 10.0.0.100/32 dev dpdk0.kni")
                try await lab.ip(.balancer, "route add 10.9.0.0/16 dev dpdk0.kni")
                try await eventually("the kernel's address and route run") {
                    try await balancer.status().kernelMirror.hasPrefix("addresses 1, routes 1,")
                }
                #expect(try await answers(lab))
                let mac = "02:00:00:00:00:99"
                let neighbour = "10.0.0.99 lladdr \(mac) nud permanent dev dpdk0.kni"
                try await lab.ip(.balancer, "neighbour add \(neighbour)")
                try await eventually("the kernel's neighbour runs") {
                    try await balancer.scrape()
                        .sum("dpvs_neighbours", ["state": "permanent"]) == 1
                }
                let status = try await balancer.status().kernelMirror
                #expect(status.hasPrefix("addresses 1, routes 1, neighbours 1,"), "\(status)")
                try await lab.ip(.balancer, "neighbour delete 10.0.0.99 dev dpdk0.kni")
                try await eventually("the kernel's neighbour has gone") {
                    try await balancer.scrape()
                        .sum("dpvs_neighbours", ["state": "permanent"]) == 0
                }
                let shown = try await balancer.command("config", "drift")
                #expect(shown.output == "what runs is what the files say\n")
                let scrape = try await balancer.scrape()
                #expect(scrape.sum("dpvs_kernel_mirror_objects", ["kind": "address"]) == 1)
                #expect(scrape.sum("dpvs_kernel_mirror_objects", ["kind": "route"]) == 1)
                #expect(try await balancer.configuration().generation == 1)

                try await lab.ip(.balancer, "address delete 10.0.0.100/32 dev dpdk0.kni")
                try await eventually("the kernel's address has gone") {
                    try await balancer.status().kernelMirror.hasPrefix("addresses 0,")
                }
                #expect(try await !answers(lab))
            }
        }

        @Test(.enabled(if: Program.path(of: "keepalived") != nil, "needs keepalived"))
        func `keepalived moves a virtual address from one instance to another`() async throws {
            try await Pair.run { pair in
                let lab = pair.lab
                try await lab.balance(pair.setup(.balancer)) { first in
                    try await lab.balance(pair.setup(.second)) { second in
                        try await prepare(lab, .balancer)
                        try await prepare(lab, .second)
                        let outage = try await fail(over: pair, on: "dpdk0.kni") {
                            let mirrors = try await [
                                first.status().kernelMirror, second.status().kernelMirror,
                            ]
                            #expect(mirrors[0].hasPrefix("addresses 0,"), "\(mirrors)")
                            #expect(mirrors[1].hasPrefix("addresses 1,"), "\(mirrors)")
                        }
                        #expect(outage.answered > 400, "\(outage)")
                    }
                }
            }
        }

        /// The same without us, for comparison: a server on each machine.
        @Test(.enabled(if: Program.path(of: "keepalived") != nil, "needs keepalived"))
        func `keepalived moves a virtual address between two machines`() async throws {
            try await Pair.run { pair in
                let server = ["python3", "-m", "http.server", "80"]
                try await pair.lab.serve(server, in: .balancer) {
                    try await pair.lab.serve(server, in: .second) {
                        for (place, last) in [(Lab.Place.balancer, 1), (.second, 2)] {
                            try await pair.lab.ip(
                                place,
                                "address add 10.0.0.\(last)/24 dev client0"
                            )
                        }
                        let outage = try await fail(over: pair, on: "client0")
                        #expect(outage.answered > 400, "\(outage)")
                    }
                }
            }
        }

        /// The first keepalived ends while a client asks; the second has the address afterwards.
        private func fail(
            over pair: Pair,
            on interface: String,
            _ afterwards: () async throws -> Void = {}
        ) async throws -> Pair.Outage {
            var outage: Pair.Outage?
            try await pair.keepalived(in: .balancer, priority: 200, on: interface) { end in
                try await pair.keepalived(in: .second, priority: 100, on: interface) { _ in
                    try await eventually("the first has the address") {
                        try await answers(pair.lab)
                    }
                    outage = try await pair.watch(8) {
                        try await Task.sleep(for: .seconds(2))
                        try end()
                    }
                    #expect(try await answers(pair.lab))
                    try await afterwards()
                }
            }
            return try #require(outage)
        }
    }
}
