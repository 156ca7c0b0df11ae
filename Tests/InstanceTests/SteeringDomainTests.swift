// SPDX-License-Identifier: Apache-2.0
import Balancing
import DPDK
import Testing

@testable import Instance

@Suite struct SteeringDomainTests {
    /// Octets that differ, so that the key tells ports apart.
    private static func makeDomain(workers: Int, tables: [Int]) -> SteeringDomain {
        var state: UInt64 = 1
        return SteeringDomain(workers: workers, tableSizes: tables) {
            state &*= 0x5851_F42D_4C95_7F2D
            state &+= 0x1405_7B7E_F767_814F
            return state ^ state >> 29
        }
    }

    private static func spread(_ domain: SteeringDomain, _ table: [Int]) -> Device.Spread {
        Device.Spread(
            key: Array(domain.wantedKey.prefix(40)),
            ipv4: .init(tcp: true, udp: true),
            ipv6: .init(tcp: true, udp: true),
            table: table
        )
    }

    private static let queues = [0: 0, 1: 1, 2: 2]

    @Test func `a slave that spreads flows otherwise than its bond says is found out`() {
        let domain = Self.makeDomain(workers: 3, tables: [128])
        let bond = Self.spread(domain, domain.owners(128))
        func lack(_ edit: (inout Device.Spread) -> Void) -> String? {
            var slave = bond
            edit(&slave)
            return slave.lack(comparedTo: bond)
        }
        #expect(lack { _ in } == nil)
        // A larger table repeats the bond's, and a longer key begins with it.
        #expect(lack { $0.table += $0.table } == nil)
        #expect(lack { $0.key += [1, 2, 3] } == nil)
        #expect(lack { $0.table[5] = 7 } == "has another table")
        #expect(lack { $0.table = [] } == "has another table")
        #expect(lack { $0.key[3] ^= 1 } == "has another key")
        #expect(lack { $0.ipv6.udp = false } == "hashes other fields")
    }

    @Test func `devices with tables of different sizes agree when the larger repeats the smaller`()
        throws
    {
        var domain = Self.makeDomain(workers: 3, tables: [0, 512, 128])
        let small = Self.spread(domain, domain.owners(128))
        let large = Self.spread(domain, domain.owners(512))
        #expect(domain.judge(large, of: "a", queueOwners: Self.queues).method == .rss)
        #expect(domain.judge(small, of: "b", queueOwners: Self.queues).method == .rss)
        let steering = try #require(domain.makeSteering())
        defer { steering.destroy() }
        #expect(steering.ipv4.kind == .toeplitz && steering.ipv4.workerCount == 3)
        #expect(steering.ipv6.kind == .toeplitz && steering.ipv6.workerCount == 3)
    }

    @Test func `a device whose hash serves IPv4 alone says so, and redirects IPv6`() throws {
        var domain = Self.makeDomain(workers: 3, tables: [128])
        let good = Self.spread(domain, domain.owners(128))
        func reason(_ edit: (inout Device.Spread) -> Void) -> String {
            var spread = good
            edit(&spread)
            let steering = domain.judge(spread, of: "x", queueOwners: Self.queues)
            #expect(steering.method == .rss)
            return steering.reason
        }
        let clause = "Toeplitz over a table of 128 places; IPv6 is redirected: it"
        #expect(reason { $0.ipv6.tcp = false } == "\(clause) does not hash the ports of TCP")
        #expect(reason { $0.key.removeLast(10) }.hasPrefix("\(clause)s key of 30 octets"))
        let steering = try #require(domain.makeSteering())
        #expect(steering.ipv4.kind == .toeplitz && steering.ipv6.kind == .port)
        steering.destroy()
        // Then one comes that can do both, and one with another end of the key.
        #expect(!reason { _ in }.contains("IPv6"))
        #expect(reason { $0.key[30] ^= 1 } == "\(clause)s key differs from x's")
        let both = try #require(domain.makeSteering())
        #expect(both.ipv4.kind == .toeplitz && both.ipv6.kind == .toeplitz)
        both.destroy()
    }

    @Test func `what a device lacks is said, and its replies are redirected`() {
        var domain = Self.makeDomain(workers: 3, tables: [128])
        let good = Self.spread(domain, domain.owners(128))
        func reason(_ edit: (inout Device.Spread) -> Void) -> String {
            var spread = good
            edit(&spread)
            let steering = domain.judge(spread, of: "x", queueOwners: Self.queues)
            #expect(steering.method == .redirect)
            return steering.reason
        }
        #expect(reason { $0.ipv4.udp = false }.contains("UDP"))
        #expect(reason { $0.table = [] }.contains("0 places"))
        #expect(reason { $0.table[5] = 9 }.contains("no worker polls"))
        #expect(reason { $0.table = $0.table.map { min($0, 1) } }.contains("every worker"))
        #expect(reason { $0.key = Array(repeating: 0, count: 40) }.contains("local ports"))
        #expect(domain.judge(good, of: "first", queueOwners: Self.queues).method == .rss)
        #expect(reason { $0.key[3] ^= 1 }.contains("differs from first's"))
        #expect(reason { $0.table.reverse() }.contains("differs from first's"))
    }

    @Test func `without any device that hashes there is nothing to agree on`() {
        let domain = Self.makeDomain(workers: 2, tables: [])
        #expect(domain.makeSteering() == nil && domain.places == 0)
    }
}
