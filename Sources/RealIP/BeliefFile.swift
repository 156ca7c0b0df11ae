// SPDX-License-Identifier: Apache-2.0
package import Addressing
import Linux

/// A list of addresses and networks, one a line; `#` begins a comment.
///
///     10.0.1.200          # lb1
///     10.0.1.208/29
///     2001:db8:1::200
package enum BeliefFile {
    /// Octets: more than fit into the kernel's list.
    private static let limit = 1 << 20

    /// Throws a `BeliefError` that says what cannot be read, and where.
    package static func read(_ path: String) throws(BeliefError) -> [IPPrefix] {
        let octets: [UInt8]
        do {
            octets = try Files.read(path, limit: limit)
        } catch {
            throw BeliefError(sentences: ["\(error)"])
        }
        return try parse(String(decoding: octets, as: UTF8.self), of: path)
    }

    /// Reads all of `text`; every line that is wrong is named.
    package static func parse(_ text: String, of path: String) throws(BeliefError) -> [IPPrefix] {
        var prefixes: [IPPrefix] = []
        var mistakes: [String] = []
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (number, line) in lines.enumerated() {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            guard let word = words.first else { continue }
            guard words.count == 1, let prefix = IPPrefix(word) else {
                let said = words.joined(separator: " ").prefix(80)
                mistakes.append(
                    "\(path):\(number + 1): '\(said)' is neither an address nor a network; "
                        + "accepted: 10.0.1.200, 10.0.1.0/24, 2001:db8::1, one a line"
                )
                continue
            }
            prefixes.append(prefix.network)
        }
        guard mistakes.isEmpty else { throw BeliefError(sentences: mistakes) }
        return prefixes
    }
}

/// A list of believed addresses that cannot be used.
package struct BeliefError: Error, Equatable, Sendable, CustomStringConvertible {
    package var sentences: [String]

    package var description: String { sentences.joined(separator: "\n") }
}
