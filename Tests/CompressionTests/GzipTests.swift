// SPDX-License-Identifier: Apache-2.0
import Compression
import Foundation
import Testing

@Suite struct GzipTests {
    /// What gzip(1) makes of a stream.
    private func unpack(_ stream: [UInt8]) throws -> [UInt8] {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).gz")
        defer { try? FileManager.default.removeItem(at: path) }
        try Data(stream).write(to: path)
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["gzip", "-dc", path.path]
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return [UInt8](data)
    }

    @Test(arguments: [[], [0], [1, 70_000, 300_000], [5, 0, 5]])
    func `gzip reads what was put in, however it was cut`(pieces: [Int]) throws {
        let gzip = try Gzip()
        var all: [UInt8] = []
        var stream: [UInt8] = []
        for (number, count) in pieces.enumerated() {
            let piece = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3 &+ number) }
            all += piece
            stream += gzip.append(piece)
        }
        stream += gzip.finish()
        #expect(try unpack(stream) == all)
    }

    @Test func `text of metrics becomes a tenth`() throws {
        let gzip = try Gzip()
        let line =
            "dpvs_backend_connections_total{service=\"web\",remote_address=\"10.0.1.2\"} 4711\n"
        let text = (0..<10_000).flatMap { Array((line + "\($0)").utf8) }
        let size = gzip.append(text).count + gzip.finish().count
        #expect(size < text.count / 10)
    }
}
