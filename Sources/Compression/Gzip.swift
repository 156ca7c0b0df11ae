// SPDX-License-Identifier: Apache-2.0
import CZlib

/// A gzip stream (RFC 1952) that is made piece by piece; for one task at a time.
@safe
package final class Gzip {
    /// Of zlib's levels the fastest: text of metrics shrinks to a tenth with it already.
    private static let level: Int32 = 1
    /// The largest window, and a header and trailer of gzip around it (`deflateInit2`).
    private static let windowBits: Int32 = 15 + 16
    private static let memoryLevel: Int32 = 8

    private var stream = unsafe z_stream()

    /// Throws `noMemory` only.
    package init() throws(GzipError) {
        let result = unsafe deflateInit2_(
            &stream,
            Self.level,
            Z_DEFLATED,
            Self.windowBits,
            Self.memoryLevel,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        guard result == Z_OK else { throw .noMemory }
    }

    deinit { unsafe deflateEnd(&stream) }

    /// Takes `bytes` in and returns what is ready of the stream, often nothing.
    package func append(_ bytes: [UInt8]) -> [UInt8] { run(bytes, Z_NO_FLUSH) }

    /// The rest of the stream; nothing follows.
    package func finish() -> [UInt8] { run([], Z_FINISH) }

    private func run(_ bytes: [UInt8], _ flush: Int32) -> [UInt8] {
        var input = bytes
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        unsafe input.withUnsafeMutableBufferPointer { input in
            unsafe stream.next_in = input.baseAddress
            unsafe stream.avail_in = UInt32(input.count)
            repeat {
                let made = unsafe chunk.withUnsafeMutableBufferPointer { chunk in
                    unsafe stream.next_out = chunk.baseAddress
                    unsafe stream.avail_out = UInt32(chunk.count)
                    // Cannot fail: the state is sound, and there is room to write to.
                    _ = unsafe deflate(&stream, flush)
                    return unsafe chunk.count - Int(stream.avail_out)
                }
                output += chunk.prefix(made)
            } while unsafe stream.avail_out == 0
        }
        return output
    }
}

package enum GzipError: Error {
    case noMemory
}
