// SPDX-License-Identifier: Apache-2.0
import FileTesting
import Foundation
import Linux
import Testing

@Suite struct TapTests {
    @Test func `groups are read by interface`() throws {
        let directory = try TemporaryDirectory()
        try directory.write(
            "2    eth0            1     0     01005e000001\n"
                + "2    eth0            2     1     333300000001\n"
                + "17   dpdk0.kni       1     0     01005e000012\n"
                + "nonsense\n",
            to: "dev_mcast"
        )
        let groups = NetworkInterface.groups(in: "\(directory.path)/dev_mcast")
        #expect(groups["eth0"] == [0x0100_5E00_0001, 0x3333_0000_0001])
        #expect(groups["dpdk0.kni"] == [0x0100_5E00_0012] && groups.count == 2)
    }

    @Test func `what cannot be a name says so`() {
        #expect(throws: LinuxError.self) { _ = try Tap("a-name-of-more-than-15") }
        #expect(!Tap.exists("no.such.thing"))
    }

    @Test(.enabled(if: geteuid() == 0, "needs root"))
    func `a TAP lives as long as its descriptor, with address, MTU and carrier`() throws {
        let name = "dpvst\(getpid() % 100_000)"
        let tap = try Tap(name)
        #expect(Tap.exists(name))
        try NetworkInterface.prepare(name, address: 0x0200_0000_0009, mtu: 1400)
        func fact(_ file: String) -> String {
            let bytes = try? Files.read("/sys/class/net/\(name)/\(file)", limit: 100)
            return String(decoding: bytes ?? [], as: UTF8.self).trimmingCharacters(in: .newlines)
        }
        // /sys may show another namespace's interfaces.
        if !fact("mtu").isEmpty {
            #expect(fact("mtu") == "1400" && fact("address") == "02:00:00:00:00:09")
        }
        try tap.setCarrier(false)
        if !fact("carrier").isEmpty { #expect(fact("carrier") == "0") }
        try tap.setCarrier(true)
        #expect(Tap.isTap(name) && !Tap.isTap("lo"))
        let busy = #expect(throws: LinuxError.self) { _ = try Tap(name) }
        #expect(busy?.isBusy == true && busy?.isForbidden == false && busy?.isMissing == false)
        let taken = #expect(throws: LinuxError.self) { _ = try Tap("lo") }
        #expect(taken?.isBusy == false && taken?.isForbidden == false)
        #expect(tap.isAttached(to: name) && !tap.isAttached(to: "lo"))
        tap.close()
        #expect(!Tap.exists(name) && !Tap.isTap(name))
    }
}
