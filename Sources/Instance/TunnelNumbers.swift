// SPDX-License-Identifier: Apache-2.0
import Linux
import Synchronization

/// Where the sequence numbers of tunnels go on after a restart.
///
/// The other end drops packets whose number is not ahead of the last one it has seen (RFC 2890
/// section 2.2), for as long as it remembers. So what was sent is written down about once a second,
/// and the next run begins well ahead of it, however this one ends.
final class TunnelNumbers: Sendable {
    /// More packets than go into a tunnel between the last time that they were written down and the
    /// end; half of the numbers count as ahead, so there is room for many restarts.
    static let margin: UInt32 = 1 << 24
    /// Numbers a second by which a tunnel begins that nothing is known of.
    ///
    /// With a clock instead of 0 whoever sends less than this on average is ahead of a run before
    /// that began less than six days ago.
    static let perSecond: UInt64 = 4096

    private let path: String
    private let known: [String: UInt32]
    private let fallback: UInt32
    private let written: Mutex<[String: UInt32]>

    /// Reads what the run before has left; `now` is in seconds of the clock on the wall.
    init(in directory: String, now: UInt64) {
        path = "\(directory)/tunnel-numbers"
        known = Self.parse((try? Files.read(path, limit: 1 << 20)) ?? [])
        fallback = UInt32(truncatingIfNeeded: now &* Self.perSecond)
        written = Mutex(known)
    }

    /// The number that a tunnel begins with; never 0, which stands for nothing sent.
    func beginning(of tunnel: String) -> UInt32 {
        let number = known[tunnel].map { $0 &+ Self.margin } ?? fallback
        return number == 0 ? 1 : number
    }

    /// Writes down what is sent next, when it has changed.
    func keep(_ numbers: [String: UInt32]) throws(LinuxError) {
        let isNew = written.withLock { $0 != numbers }
        guard isNew else { return }
        if numbers.isEmpty {
            Files.remove(path)
        } else {
            let lines = numbers.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)\n" }
            var file = try FileReplacement(of: path)
            try file.append(Array(lines.joined().utf8))
            try file.commit()
        }
        written.withLock { $0 = numbers }
    }

    /// Lines of a number and a name; what is no such line is left out.
    private static func parse(_ bytes: [UInt8]) -> [String: UInt32] {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        let pairs = lines.compactMap { line -> (String, UInt32)? in
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, let number = UInt32(parts[0]) else { return nil }
            return (String(parts[1]), number)
        }
        return Dictionary(pairs) { first, _ in first }
    }
}
