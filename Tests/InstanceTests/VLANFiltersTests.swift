// SPDX-License-Identifier: Apache-2.0
import DPDK
import Logging
import Model
import Synchronization
import Testing

@testable import Instance

@Suite struct VLANFiltersTests {
    /// A device that remembers its filter, and refuses one VLAN.
    final class Filter: FiltersVLANs {
        let vlans = Mutex<Set<Int>>([])
        let calls = Mutex<Int>(0)
        let refused: Int?

        init(refusing refused: Int? = nil) { self.refused = refused }

        func filter(vlan: Int, isWanted: Bool) throws(DPDKError) {
            calls.withLock { $0 += 1 }
            if vlan == refused { throw DPDKError("rte_eth_dev_vlan_filter", 1, on: "test") }
            vlans.withLock {
                if isWanted { $0.insert(vlan) } else { $0.remove(vlan) }
            }
        }

        var admitted: [Int] { vlans.withLock { $0.sorted() } }
    }

    private func vlan(_ link: String, _ id: Int, inner: Int? = nil) -> VLANInterface {
        VLANInterface(name: "\(link).\(id).\(inner ?? 0)", link: link, id: id, innerID: inner)
    }

    private func filters(_ ports: [(String, [Filter])]) -> VLANFilters {
        VLANFilters(
            ports.map { name, filters in
                .init(name: name, devices: filters.map { ("\(name)-device", $0) })
            },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    @Test func `a port without VLANs is left as its driver starts it`() {
        let filter = Filter()
        filters([("dpdk0", [filter])]).admit([vlan("dpdk1", 7)])
        #expect(filter.calls.withLock { $0 } == 0)
    }

    @Test func `VLANs come into the filter before they are used and leave it after that`() {
        let filter = Filter()
        let filters = filters([("dpdk0", [filter])])
        filters.admit([vlan("dpdk0", 100), vlan("dpdk0", 200, inner: 7)])
        #expect(filter.admitted == [0, 100, 200], "0 is for tags of priority only")
        let next = [vlan("dpdk0", 200, inner: 7), vlan("dpdk0", 200, inner: 8)]
        filters.admit(next)
        #expect(filter.admitted == [0, 100, 200])
        filters.retain(next)
        #expect(filter.admitted == [0, 200])
        filters.retain([])
        #expect(filter.admitted == [0])
        filters.admit([vlan("dpdk0", 5)])
        #expect(filter.admitted == [0, 5])
    }

    @Test func `every slave of a bond is told, and again after its link came back`() {
        let slaves = [Filter(), Filter()]
        let filters = filters([("bond0", slaves)])
        filters.admit([vlan("bond0", 9)])
        #expect(slaves.map(\.admitted) == [[0, 9], [0, 9]])
        slaves[1].vlans.withLock { $0 = [] }
        filters.renew("bond0")
        #expect(slaves[1].admitted == [0, 9])
    }

    @Test func `a VLAN that a device refuses does not keep the others out`() {
        let filter = Filter(refusing: 100)
        filters([("dpdk0", [filter])]).admit([vlan("dpdk0", 100), vlan("dpdk0", 101)])
        #expect(filter.admitted == [0, 101])
    }
}
