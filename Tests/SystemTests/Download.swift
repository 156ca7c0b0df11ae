// SPDX-License-Identifier: Apache-2.0
import Foundation
import Subprocess
import Synchronization
import Testing

extension Lab {
    /// Octets of `blob`, more than all buffers on its way together.
    private static let blobSize = 32 << 20

    /// Downloads random octets through the balancer as slowly as `body` takes, then at full speed.
    ///
    /// curl stands still while nobody reads what it has, and so does the connection after some
    /// megabytes; a trickle keeps it busy. Every octet is compared in the end.
    func whileDownloading(
        from url: String = "http://10.0.0.100/blob",
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () async throws -> Void
    ) async throws {
        let blob = try placeBlob()
        let words = command(in: .client, ["curl", "-sS", "--max-time", "90", url])
        let reader = Trickle()
        let result = try await Subprocess.run(
            .name(words[0]),
            arguments: Arguments(Array(words.dropFirst())),
            input: .none,
            output: .sequence,
            error: .string(limit: 4096)
        ) { curl in
            async let content = reader.read(curl.standardOutput)
            try await eventually("the download has begun") { reader.count > 0 }
            try await body()
            #expect(reader.count < Self.blobSize, sourceLocation: sourceLocation)
            reader.hurry()
            return try await content
        }
        let errors = result.standardError
        #expect(result.terminationStatus.number == 0, "\(errors)", sourceLocation: sourceLocation)
        #expect(result.closureResult.count == blob.count, sourceLocation: sourceLocation)
        #expect(result.closureResult == blob, sourceLocation: sourceLocation)
    }

    private func placeBlob() throws -> Data {
        let random = try #require(FileHandle(forReadingAtPath: "/dev/urandom"))
        let blob = try #require(try random.read(upToCount: Self.blobSize))
        let first = "\(directory)/backend1/www/blob"
        try blob.write(to: URL(filePath: first))
        for number in 2...3 {
            try FileManager.default
                .linkItem(atPath: first, toPath: "\(directory)/backend\(number)/www/blob")
        }
        return blob
    }
}

/// Reads the output of a program slowly until it is told to hurry.
private final class Trickle: Sendable {
    private let received = Atomic(0)
    private let isHurried = Atomic(false)

    /// Octets so far.
    var count: Int { received.load(ordering: .relaxed) }

    func hurry() { isHurried.store(true, ordering: .relaxed) }

    func read(_ output: SubprocessOutputSequence) async throws -> Data {
        var content = Data()
        for try await buffer in output {
            unsafe buffer.withUnsafeBytes { unsafe content.append(contentsOf: $0) }
            received.store(content.count, ordering: .relaxed)
            if !isHurried.load(ordering: .relaxed) {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        return content
    }
}
