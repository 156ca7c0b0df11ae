// SPDX-License-Identifier: Apache-2.0

/// Which services somebody asks about: those whose name or key fits one of the patterns.
///
/// In a pattern `*` stands for any characters and `?` for one. `web-*`, `tcp 10.0.0.100:80` and
/// `*10.0.0.100:*` are patterns.
package struct ServiceFilter: Equatable, Sendable {
    private let patterns: [[UInt8]]
    /// The only service that was asked about, when it was by its address and port.
    package let key: Service.Key?

    /// All services when there are no patterns.
    package init(_ patterns: [String] = []) {
        self.patterns = patterns.map { Array($0.utf8) }
        key = patterns.count == 1 ? Service.Key(addressAndPort: patterns[0]) : nil
    }

    /// Whether every service fits.
    package var isEverything: Bool { patterns.isEmpty }

    package func contains(_ service: Service) -> Bool {
        if patterns.isEmpty { return true }
        let (name, key) = (Array(service.name.utf8), Array(service.key.description.utf8))
        return patterns.contains { Self.fits(name, $0) || Self.fits(key, $0) }
    }

    /// Goes back to the last `*` alone: that takes at most the product of both lengths, whatever
    /// the pattern.
    private static func fits(_ text: [UInt8], _ pattern: [UInt8]) -> Bool {
        var (position, place) = (0, 0)
        var resume: (position: Int, place: Int)?
        while position < text.count {
            if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                place += 1
                resume = (position, place)
            } else if place < pattern.count,
                pattern[place] == text[position] || pattern[place] == UInt8(ascii: "?")
            {
                position += 1
                place += 1
            } else if let last = resume {
                position = last.position + 1
                place = last.place
                resume = (position, place)
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
