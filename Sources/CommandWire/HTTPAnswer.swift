// SPDX-License-Identifier: Apache-2.0

/// An answer of HTTP/1.1 (RFC 9112) while it comes in: its status, and its body piece by piece.
///
/// For a program that asks the daemon one question and must be there at once: a library for HTTP takes
/// several times as long to load as the daemon to answer.
struct HTTPAnswer {
    /// nil: the header is not there yet.
    private(set) var status: Int?
    private(set) var isComplete = false
    /// Whether what came is no HTTP.
    private(set) var isBroken = false
    private var waiting: [UInt8] = []
    private var isChunked = false
    /// Octets that are missing of the body, or of the chunk at hand; nil: its length is not known yet.
    private var missing: Int?

    private static let mostOfHeader = 1 << 16

    /// Takes what came; returns what of it is body.
    mutating func take(_ octets: [UInt8]) -> [UInt8] {
        waiting += octets
        if status == nil, !readHeader() { return [] }
        var body: [UInt8] = []
        while !isComplete, !isBroken, step(&body) {}
        return body
    }

    private mutating func readHeader() -> Bool {
        let end = Array("\r\n\r\n".utf8)
        guard let place = waiting.firstRange(of: end) else {
            isBroken = waiting.count > Self.mostOfHeader
            return false
        }
        let lines = String(decoding: waiting[..<place.lowerBound], as: UTF8.self)
            .split(separator: "\r\n")
        waiting.removeFirst(place.upperBound)
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let code = Int(words[1]) else {
            isBroken = true
            return false
        }
        status = code
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = parts[1].drop { $0 == " " }
            switch parts[0].lowercased() {
            case "content-length": missing = Int(value)
            case "transfer-encoding": isChunked = value.lowercased() == "chunked"
            default: break
            }
        }
        if isChunked { missing = nil }
        isBroken = !isChunked && missing == nil
        return !isBroken
    }

    /// Goes on by one piece; false: more octets are needed.
    private mutating func step(_ body: inout [UInt8]) -> Bool {
        guard let left = missing else { return readChunkHead() }
        guard left > 0 else {
            if !isChunked {
                isComplete = true
                return true
            }
            // A line's end follows each chunk.
            guard waiting.count >= 2 else { return false }
            waiting.removeFirst(2)
            missing = nil
            return true
        }
        guard !waiting.isEmpty else { return false }
        let count = min(left, waiting.count)
        body += waiting.prefix(count)
        waiting.removeFirst(count)
        missing = left - count
        return true
    }

    private mutating func readChunkHead() -> Bool {
        guard let end = waiting.firstRange(of: Array("\r\n".utf8)) else { return false }
        let line = String(decoding: waiting[..<end.lowerBound], as: UTF8.self)
        guard let length = Int(line.prefix { $0 != ";" }, radix: 16), length >= 0 else {
            isBroken = true
            return false
        }
        waiting.removeFirst(end.upperBound)
        // Trailers, which nobody sends, are not read.
        if length == 0 { isComplete = true } else { missing = length }
        return true
    }
}
