// SPDX-License-Identifier: Apache-2.0
import Compression
import HTTPTypes
import Hummingbird
import NIOCore

extension Response {
    /// Bodies below this many octets fit into a packet or two as they are.
    private static let worthwhile = 2048

    /// The same answer by gzip, for a client that says it takes that and when there is something to
    /// gain; the body may be written in any number of pieces.
    consuming func compressed(for request: HTTPFields) -> Response {
        guard Self.takesGzip(request[.acceptEncoding] ?? ""),
            body.contentLength.map({ $0 >= Self.worthwhile }) ?? true,
            headers[.contentEncoding] == nil,
            // Events are to arrive when they happen, not when a block is full.
            headers[.contentType] != "text/event-stream"
        else { return self }
        let plain = body
        headers[.contentEncoding] = "gzip"
        headers[.vary] = "Accept-Encoding"
        headers[.contentLength] = nil
        body = ResponseBody { writer in
            try await plain.write(GzipWriter(gzip: Gzip(), base: writer))
        }
        return self
    }

    /// RFC 9110 section 12.5.3; a quality of 0 means "not acceptable".
    static func takesGzip(_ accepted: String) -> Bool {
        let offers = accepted.lowercased().split(separator: ",")
            .map { offer in
                let words = offer.split(separator: ";")
                    .map { word in String(word.filter { !$0.isWhitespace }) }
                let quality = words.dropFirst().first { $0.hasPrefix("q=") }?.dropFirst(2)
                return (name: words.first ?? "", isTaken: quality.flatMap { Double($0) } != 0)
            }
        let named = offers.first { $0.name == "gzip" } ?? offers.first { $0.name == "*" }
        return named?.isTaken ?? false
    }
}

/// Compresses what is written to it.
private struct GzipWriter: ResponseBodyWriter {
    let gzip: Gzip
    var base: any ResponseBodyWriter

    mutating func write(_ buffer: ByteBuffer) async throws {
        let octets = gzip.append([UInt8](buffer.readableBytesView))
        if !octets.isEmpty { try await base.write(ByteBuffer(bytes: octets)) }
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
        try await base.write(ByteBuffer(bytes: gzip.finish()))
        try await base.finish(trailingHeaders)
    }
}
