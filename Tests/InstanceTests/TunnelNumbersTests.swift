// SPDX-License-Identifier: Apache-2.0
import FileTesting
import Foundation
import Testing

@testable import Instance

@Suite struct TunnelNumbersTests {
    private func names(in directory: TemporaryDirectory) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path)
    }

    @Test func `a run goes on well ahead of the one before, over the end of the numbers`() throws {
        let directory = try TemporaryDirectory()
        let first = TunnelNumbers(in: directory.path, now: 7)
        try first.keep(["far": 1234, "near one": 0xFFFF_FFF0])
        let second = TunnelNumbers(in: directory.path, now: 8)
        #expect(second.beginning(of: "far") == 1234 + TunnelNumbers.margin)
        #expect(second.beginning(of: "near one") == TunnelNumbers.margin - 16)
    }

    @Test func `a tunnel that nothing is known of begins by the clock`() throws {
        let directory = try TemporaryDirectory()
        let numbers = TunnelNumbers(in: directory.path, now: 3)
        #expect(numbers.beginning(of: "far") == 3 * 4096)
        #expect(TunnelNumbers(in: directory.path, now: 0).beginning(of: "far") == 1)
    }

    @Test func `what is no line of a number and a name is left out`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("12 a\nx b\n\n5\n99999999999 c\n7 d", to: "tunnel-numbers")
        let numbers = TunnelNumbers(in: directory.path, now: 1)
        #expect(numbers.beginning(of: "a") == 12 + TunnelNumbers.margin)
        #expect(numbers.beginning(of: "d") == 7 + TunnelNumbers.margin)
        #expect(numbers.beginning(of: "b") == 4096 && numbers.beginning(of: "c") == 4096)
    }

    @Test func `without tunnels nothing is left behind`() throws {
        let directory = try TemporaryDirectory()
        let numbers = TunnelNumbers(in: directory.path, now: 1)
        try numbers.keep([:])
        #expect(try names(in: directory) == [])
        try numbers.keep(["far": 5])
        #expect(try names(in: directory) == ["tunnel-numbers"])
        try numbers.keep([:])
        #expect(try names(in: directory) == [])
    }
}
