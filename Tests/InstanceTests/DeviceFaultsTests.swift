// SPDX-License-Identifier: Apache-2.0
import Discovery
import FileTesting
import Foundation
import Linux
import Testing

@testable import Instance

@Suite struct DeviceFaultsTests {
    private static let device = "0000:06:02.1"

    /// A machine with one device, on a bus that counts, and a kernel's log.
    private func machine() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: "\(directory.path)/sys/bus/pci/devices/\(Self.device)",
            withIntermediateDirectories: true
        )
        try directory.write("", to: "kmsg")
        try count(1, in: directory)
        return directory
    }

    private func count(_ errors: Int, in directory: TemporaryDirectory) throws {
        let place = "sys/bus/pci/devices/\(Self.device)"
        try directory.write("TOTAL_ERR_NONFATAL \(errors)\n", to: "\(place)/aer_dev_nonfatal")
    }

    private func faults(_ directory: TemporaryDirectory) -> DeviceFaults {
        DeviceFaults(
            [Self.device, "net_af_packet0"],
            Surroundings(root: directory.path, environment: [:]),
            log: KernelLog(path: "\(directory.path)/kmsg")
        )
    }

    @Test func `what the kernel logs and the bus counts since the start is a device's own`() throws
    {
        let directory = try machine()
        let faults = faults(directory)
        faults.look()
        #expect(faults.count(of: Self.device) == .init(iommu: 0, bus: 0))
        let file = try #require(FileHandle(forWritingAtPath: "\(directory.path)/kmsg"))
        file.seekToEndOfFile()
        let line = "DMAR: [DMA Write NO_PASID] Request device [06:02.1] fault addr 0x0"
        file.write(
            Data("3,2,200,-;\(line)\n3,3,200,-;\(line.replacing("02.1", with: "02.2"))\n".utf8)
        )
        try count(4, in: directory)
        faults.look()
        #expect(faults.count(of: Self.device) == .init(iommu: 1, bus: 3, latest: line))
        #expect(faults.count(of: "net_af_packet0") == .init())
    }

    @Test func `a device that the kernel does not know any more is gone`() throws {
        let directory = try machine()
        let faults = faults(directory)
        faults.look()
        #expect(!faults.count(of: Self.device).isGone)
        try FileManager.default.removeItem(
            atPath: "\(directory.path)/sys/bus/pci/devices/\(Self.device)"
        )
        faults.look()
        #expect(faults.count(of: Self.device).isGone)
    }

    @Test func `where the log cannot be read nothing is said of it`() throws {
        let directory = try machine()
        try FileManager.default.removeItem(atPath: "\(directory.path)/kmsg")
        let faults = faults(directory)
        faults.look()
        #expect(faults.count(of: Self.device) == .init(iommu: nil, bus: 0))
    }
}
