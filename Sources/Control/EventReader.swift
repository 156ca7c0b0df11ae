// SPDX-License-Identifier: Apache-2.0
import Foundation
package import Model

/// Reads server-sent events out of pieces that end anywhere.
package struct EventReader: Sendable {
    private var rest: [UInt8] = []
    private var last: UInt64?

    package init() {}

    /// An event, and how many before it this client has missed.
    package struct Arrival: Equatable, Sendable {
        package var event: RunningEvent
        package var missed: UInt64
    }

    /// What is complete with `piece`; throws when it is not what this version understands.
    package mutating func read(_ piece: some Sequence<UInt8>) throws -> [Arrival] {
        rest += piece
        var arrivals: [Arrival] = []
        let newline = UInt8(ascii: "\n")
        while let end = rest.firstIndex(of: newline) {
            let line = rest[..<end]
            if line.starts(with: Self.data) {
                let json = Data(line.dropFirst(Self.data.count))
                arrivals.append(try arrival(ControlJSON.decode(RunningEvent.self, from: json)))
            }
            rest.removeSubrange(...end)
        }
        return arrivals
    }

    private mutating func arrival(_ event: RunningEvent) -> Arrival {
        let expected = (last ?? event.number) + (last == nil ? 0 : 1)
        last = event.number
        let missed = event.number > expected ? event.number - expected : 0
        return Arrival(event: event, missed: missed)
    }

    private static let data = Array("data: ".utf8)
}

extension RunningEvent {
    /// What `dpvs watch` prints: a line, and one for each change and problem.
    package var lines: String {
        var lines = ["\(time.formatted(.iso8601)) \(kind.rawValue): \(text)"]
        if kind != .running, let report {
            lines += report.changes.map { "  \($0)" }
            if omittedChanges > 0 {
                lines.append("  and \(counted(omittedChanges, "change")) more")
            }
            lines += report.problems.map { "  \($0)" }
        }
        return lines.map { $0.printable + "\n" }.joined()
    }
}
