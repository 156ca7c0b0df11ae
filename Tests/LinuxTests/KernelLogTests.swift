// SPDX-License-Identifier: Apache-2.0
import FileTesting
import Foundation
import Linux
import Testing

@Suite struct KernelLogTests {
    @Test func `only what comes after the beginning is told, without marks and dictionaries`()
        throws
    {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/kmsg"
        try directory.write("6,1,100,-;before\n", to: "kmsg")
        let log = try #require(KernelLog(path: path))
        #expect(log.takeLines() == [])
        let file = try #require(FileHandle(forWritingAtPath: path))
        file.seekToEndOfFile()
        file.write(Data("3,2,200,-;DMAR: fault; addr 0\n SUBSYSTEM=pci\n6,3,300,c;after\n".utf8))
        #expect(log.takeLines() == ["DMAR: fault; addr 0", "after"])
        #expect(log.takeLines() == [])
    }

    @Test func `without a log there is none`() {
        #expect(KernelLog(path: "/nowhere/kmsg") == nil)
    }
}
