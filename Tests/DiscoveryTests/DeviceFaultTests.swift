// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Discovery

@Suite struct DeviceFaultTests {
    @Test(arguments: [
        (
            "DMAR: [DMA Write NO_PASID] Request device [00:03.0] fault addr 0x0 [fault reason 0x05] "
                + "PTE Write access is not set",
            "0000:00:03.0"
        ),
        (
            "vfio-pci 0000:06:00.1: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0010 "
                + "address=0xfee00000 flags=0x0020]",
            "0000:06:00.1"
        ),
        (
            "AMD-Vi: Event logged [IO_PAGE_FAULT device=06:0A.0 domain=0x000a address=0x0 flags=0]",
            "0000:06:0a.0"
        ),
    ])
    func `lines about faults name their device`(line: String, device: String) {
        #expect(DeviceFault(line)?.device == device)
    }

    @Test(arguments: [
        "DMAR: IOMMU enabled", "DMAR: DRHD: handling fault status reg 2",
        "pci 0000:00:03.0: Adding to iommu group 3", "page_fault_oops at 10:20.30",
    ])
    func `other lines are no faults`(line: String) {
        #expect(DeviceFault(line) == nil)
    }

    @Test func `errors of the bus are those that were not corrected`() throws {
        let machine = try FakeMachine()
        #expect(BusErrors.uncorrected(of: "0000:06:02.1", machine.surroundings) == nil)
        let place = "sys/bus/pci/devices/0000:06:02.1"
        try machine.write("Undefined 0\nTOTAL_ERR_NONFATAL 3\n", "\(place)/aer_dev_nonfatal")
        try machine.write("Undefined 0\nTOTAL_ERR_FATAL 1\n", "\(place)/aer_dev_fatal")
        #expect(BusErrors.uncorrected(of: "0000:06:02.1", machine.surroundings) == 4)
    }
}
