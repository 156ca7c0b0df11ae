// SPDX-License-Identifier: Apache-2.0
import Testing
import Timing

@testable import Instance

@Suite struct DeviceWatchTests {
    private func sample(
        received: UInt64 = 0,
        _ faults: [DeviceTrouble: UInt64] = [:]
    ) -> [DeviceSample] {
        var sample = DeviceSample(name: "dpdk0")
        sample.received = received
        sample.faults = faults
        return [sample]
    }

    private func second(_ number: UInt64) -> Instant {
        Instant(nanoseconds: number * 1_000_000_000)
    }

    @Test func `trouble is said at once, then once a minute with what has come since`() {
        var watch = DeviceWatch()
        #expect(watch.look(at: sample([.missed: 5]), now: second(0)) == [])
        var said: [UInt64: [String]] = [:]
        for number in 1...130 {
            let lines = watch.look(
                at: sample(received: UInt64(number), [.missed: 5 + UInt64(number) * 10]),
                now: second(UInt64(number))
            )
            if !lines.isEmpty { said[UInt64(number)] = lines }
        }
        #expect(said.keys.sorted() == [1, 61, 121])
        #expect(said[1]?[0].hasPrefix("port dpdk0: 10 frames were dropped by the device") == true)
        #expect(said[61]?[0].hasPrefix("port dpdk0: 600 frames") == true)
    }

    @Test func `what does not grow is not said`() {
        var watch = DeviceWatch()
        for number in UInt64(0)..<10 {
            let lines = watch.look(at: sample([.noBuffer: 7, .iommu: 0]), now: second(number))
            #expect(lines == [])
        }
    }

    @Test func `errors while nothing else arrives are told apart`() {
        var watch = DeviceWatch()
        _ = watch.look(at: sample(received: 9, [.receiveErrors: 0]), now: second(0))
        let lines = watch.look(at: sample(received: 9, [.receiveErrors: 3]), now: second(1))
        #expect(lines.count == 1 && lines[0].contains("and nothing else arrives"))
    }

    @Test func `a fault of the IOMMU is said with the kernel's own words`() {
        var watch = DeviceWatch()
        _ = watch.look(at: sample([.iommu: 0]), now: second(0))
        var faulty = sample([.iommu: 2])
        faulty[0].kernelLine = "DMAR: [DMA Write] Request device [00:03.0] fault addr 0x0"
        let lines = watch.look(at: faulty, now: second(1))
        #expect(lines.count == 1 && lines[0].contains("device [00:03.0] fault addr 0x0"))
    }

    @Test func `a device that was reset counts from there`() {
        var watch = DeviceWatch()
        _ = watch.look(at: sample([.missed: 100]), now: second(0))
        #expect(watch.look(at: sample([.missed: 0]), now: second(1)) == [])
        #expect(watch.look(at: sample([.missed: 1]), now: second(2)).count == 1)
    }

    @Test func `a device that goes is said once`() {
        var watch = DeviceWatch()
        var gone = sample()
        gone[0].isRemoved = true
        #expect(watch.look(at: gone, now: second(0)).count == 1)
        #expect(watch.look(at: gone, now: second(1)) == [])
    }
}
