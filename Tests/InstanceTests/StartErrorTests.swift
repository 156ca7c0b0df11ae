// SPDX-License-Identifier: Apache-2.0
import Discovery
import Testing

@testable import Instance

@Suite struct StartErrorTests {
    @Test
    func `lines of DPDK's log that name the cause are kept, progress and repetitions are not`() {
        let log = [
            "EAL: Detected CPU lcores: 4", "EAL: Detected NUMA nodes: 1",
            "EAL: Selected IOVA mode 'VA'", "EAL: VFIO support initialized",
            "EAL: Probe PCI driver: net_virtio (1af4:1041) device: 0000:00:03.0 (socket -1)",
            "EAL: Cannot open /dev/vfio/15: Device or resource busy",
            "EAL: Cannot open /dev/vfio/15: Device or resource busy",
            "EAL: Requested device 0000:00:03.0 cannot be used",
        ]
        #expect(StartError.causes(in: log) == [log[5], log[7]])
    }

    @Test func `the first of many lines are kept, because they name the cause`() {
        let log = (0..<100).map { "EAL: line \($0)" }
        let kept = StartError.causes(in: log)
        #expect(kept.count == 40 && kept.first == "EAL: line 0")
    }

    @Test func `what the doctor finds stands before what DPDK says`() {
        let check = Check(
            subject: "device dpdk0",
            state: .missing,
            finding: "there is no interface eth9",
            node: "ip link show"
        )
        let error = StartError(
            StartError("DPDK found no net_af_packet0"),
            doctor: [check],
            log: ["eth_from_packets(): no such device"],
            arguments: ["dpvs"]
        )
        #expect(
            error.description == """
                DPDK found no net_af_packet0
                  doctor: device dpdk0: there is no interface eth9; ip link show
                  DPDK: eth_from_packets(): no such device
                  EAL arguments: ["dpvs"]
                """
        )
    }
}
