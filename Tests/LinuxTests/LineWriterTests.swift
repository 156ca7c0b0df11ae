// SPDX-License-Identifier: Apache-2.0
import Foundation
import Linux
import Testing

@Suite struct LineWriterTests {
    /// A pipe of which the tests read and write ends.
    private struct Ends {
        let reading: Int32
        let writing: Int32

        init() {
            var ends: [Int32] = [0, 0]
            unsafe #expect(pipe(&ends) == 0)
            (reading, writing) = (ends[0], ends[1])
        }

        /// Reads until a line contains `word`; fails after ten seconds.
        func read(until word: String) -> String {
            var text = ""
            var chunk = [UInt8](repeating: 0, count: 65536)
            while !text.contains(word) {
                var poller = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
                guard unsafe poll(&poller, 1, 10_000) > 0 else { return text }
                let count = unsafe Foundation.read(reading, &chunk, chunk.count)
                guard count > 0 else { return text }
                text += String(decoding: chunk.prefix(count), as: UTF8.self)
            }
            return text
        }
    }

    private func writer(_ descriptor: Int32, capacity: Int) -> LineWriter {
        LineWriter(descriptor, capacity: capacity) { "(\($0) lost)" }
    }

    @Test func `lines come out whole and in order`() {
        let ends = Ends()
        let writer = writer(ends.writing, capacity: 1 << 20)
        for number in 0..<5000 { writer.append("line \(number)") }
        let text = ends.read(until: "line 4999\n")
        #expect(text == (0..<5000).map { "line \($0)\n" }.joined())
        writer.flush(within: .seconds(10))
        #expect(writer.lostLines == 0)
    }

    @Test func `a pipe that nobody reads holds nobody up; what was lost is said in its place`() {
        let ends = Ends()
        let writer = writer(ends.writing, capacity: 1000)
        let long = String(repeating: "x", count: 99)
        let start = ContinuousClock.now
        // 2 MB: more than any pipe and the queue hold.
        for _ in 0..<20_000 { writer.append(long) }
        writer.flush(within: .milliseconds(50))
        #expect(ContinuousClock.now - start < .seconds(5))
        let lost = writer.lostLines
        #expect(lost > 0)
        var text = ""
        while !text.contains("\nafter\n") {
            writer.append("after")
            text += ends.read(until: "\n")
        }
        let whole = text.split(separator: "\n").count { $0 == long }
        // There is a notice for each time that the queue was full.
        let notices = text.split(separator: "\n").filter { $0.hasSuffix(" lost)") }
            .compactMap { UInt64($0.dropFirst().prefix(while: \.isNumber)) }
        #expect(notices.reduce(0, +) == writer.lostLines)
        #expect(whole + Int(lost) == 20_000)
    }

    @Test func `a reader that is gone, and a full disk, lose lines and nothing else`() throws {
        StandardStreams.prepare()
        let ends = Ends()
        close(ends.reading)
        let full = unsafe open("/dev/full", O_WRONLY)
        try #require(full >= 0)
        for descriptor in [ends.writing, full] {
            let writer = writer(descriptor, capacity: 100)
            for number in 0..<1000 { writer.append("line \(number)") }
            writer.flush(within: .milliseconds(20))
            writer.append("one more")
            #expect(writer.lostLines > 900)
            writer.close()
        }
    }
}
