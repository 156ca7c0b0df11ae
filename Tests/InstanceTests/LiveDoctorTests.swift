// SPDX-License-Identifier: Apache-2.0
import Control
import Testing

@testable import Instance

@Suite struct LiveDoctorTests {
    /// Two workers and two ports after some time, all well.
    private func sample(turns: UInt64 = 1000, packets: UInt64 = 10_000) -> LiveDoctor.Sample {
        let workers = [1, 2]
            .map { id in
                LiveDoctor.WorkerSample(
                    id: id,
                    turns: turns,
                    received: packets,
                    transmitted: packets,
                    direct: packets / 2
                )
            }
        let ports = ["dpdk0", "dpdk1"]
            .map { name in
                var device = DeviceSample(name: name)
                device.received = packets
                device.transmitted = packets
                device.faults = [.missed: 0, .iommu: 0]
                return LiveDoctor.PortSample(
                    device: device,
                    isOnBus: true,
                    queues: 2,
                    polled: [[0], [1]],
                    steering: PortSteering(.rss, "Toeplitz"),
                    counters: ["rx_q0_packets": packets, "rx_q1_packets": packets]
                )
            }
        var sample = LiveDoctor.Sample(workers: workers, ports: ports)
        sample.bufferCapacity = 16383
        return sample
    }

    /// What is not well after a second that changed `after`.
    private func complaints(
        _ change: (inout LiveDoctor.Sample) -> Void
    ) -> [LiveReport.Check] {
        var after = sample(turns: 2000, packets: 20_000)
        change(&after)
        let report = LiveDoctor(before: sample(), after: after, seconds: 1).report
        return report.checks.filter { $0.state != .ok }
    }

    @Test func `an instance that forwards has no fault`() {
        #expect(complaints { _ in } == [])
    }

    @Test func `a worker that stands still is a fault`() {
        let found = complaints { $0.workers[1].turns = 1000 }
        #expect(found.map(\.state) == [.fault] && found[0].subject == "worker 2")
    }

    @Test func `a queue that the device fills and nobody polls is a fault`() {
        let opened = complaints { $0.ports[0].polled = [[0], []] }
        #expect(opened.map(\.state) == [.fault])
        #expect(opened[0].finding.contains("receive queue 1"))
        let counted = complaints { $0.ports[0].counters["rx_q3_good_packets"] = 1 }
        #expect(counted.map(\.state) == [.fault])
        #expect(counted[0].finding.contains("receive queue 3"))
    }

    @Test func `frames that a device delivered and no worker took are a fault`() {
        let found = complaints { $0.ports[0].device.received += 5000 }
        #expect(found.map(\.subject) == ["arrival"] && found[0].state == .fault)
    }

    @Test func `frames that a device was given and did not send are a fault`() {
        let found = complaints { sample in
            for index in 0...1 { sample.ports[index].device.transmitted = 10_000 }
        }
        #expect(found.map(\.subject) == ["departure"] && found[0].state == .fault)
    }

    @Test func `trouble now is a fault, trouble that is over is a note`() {
        let now = complaints { $0.ports[0].device.faults[.missed] = 3 }
        #expect(now.map(\.state) == [.fault])
        var before = sample()
        before.ports[0].device.faults[.missed] = 3
        var after = sample(turns: 2000, packets: 20_000)
        after.ports[0].device.faults[.missed] = 3
        let over = LiveDoctor(before: before, after: after, seconds: 1).report
        #expect(over.checks.filter { $0.state != .ok }.map(\.state) == [.note])
        #expect(over.isGood)
    }

    @Test func `the driver's own counters of errors are named`() {
        let found = complaints {
            $0.ports[0].device.faults[.receiveErrors] = 3
            $0.ports[0].counters["rx_crc_errors"] = 3
        }
        #expect(found.first?.remedy?.contains("rx_crc_errors 3") == true)
    }

    @Test func `a fault of the IOMMU stays a fault, and not being able to see them is said`() {
        var before = sample()
        before.ports[0].device.faults[.iommu] = 1
        var after = sample(turns: 2000, packets: 20_000)
        after.ports[0].device.faults[.iommu] = 1
        #expect(!LiveDoctor(before: before, after: after, seconds: 1).report.isGood)
        let blind = complaints { $0.ports[0].device.faults[.iommu] = nil }
        #expect(blind.map(\.state) == [.note] && blind[0].finding.contains("/dev/kmsg"))
    }

    @Test func `a port without a link, or without a device, is a fault`() {
        let down = complaints { $0.ports[1].device.isLinkUp = false }
        #expect(down.map(\.finding) == ["its link is down"])
        let gone = complaints { $0.ports[1].device.isRemoved = true }
        #expect(gone.map(\.finding) == ["the device is gone"])
    }

    @Test func `replies that come to other workers are noted with the reason`() {
        let found = complaints { sample in
            sample.ports[0].steering = PortSteering(.redirect, "it has no redirection table")
            for index in 0...1 {
                sample.workers[index].direct = 5000
                sample.workers[index].redirected = 5000
            }
        }
        #expect(found.map(\.state) == [.note])
        #expect(found[0].finding.hasPrefix("0.0 % of 10000 arrived"))
        #expect(found[0].remedy == "dpdk0 redirects: it has no redirection table")
    }

    @Test func `wrong checksums are a fault when they are many, a note when they are few`() {
        let few = complaints { $0.badChecksums = ["bad_header_checksum": 3] }
        #expect(few.map(\.state) == [.note])
        let many = complaints { $0.badChecksums = ["bad_header_checksum": 3000] }
        #expect(many.map(\.state) == [.fault])
    }

    @Test func `a pool that runs out is a fault`() {
        let found = complaints { $0.buffersInUse = 16_000 }
        #expect(found.map(\.subject) == ["buffers"])
    }
}
