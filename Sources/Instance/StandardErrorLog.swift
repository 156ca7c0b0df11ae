// SPDX-License-Identifier: Apache-2.0
import Foundation
import Linux
import Logging
import Model
import Synchronization

/// Logs to standard error: with the time for people, with priorities for the journal.
///
/// The level is one for the process and changes with a reload. Nobody waits for standard error, and
/// nothing fails with it: see `LineWriter`.
struct StandardErrorLog: LogHandler {
    private static let level = Atomic(Logger.Level.info.rank)
    /// Set by systemd when standard error goes to the journal (systemd.exec(5)).
    private static let isJournal = ProcessInfo.processInfo.environment["JOURNAL_STREAM"] != nil
    private static let writer = LineWriter(2) { lost in
        let lines = lost == 1 ? "1 line is" : "\(lost) lines are"
        return start(.error) + "\(lines) missing here: the log took nothing for a while"
    }

    var metadata = Logger.Metadata()
    /// What this logger leaves out besides.
    private var floor = Logger.Level.trace
    var logLevel: Logger.Level {
        get { max(floor, Logger.Level.ranked(Self.level.load(ordering: .relaxed))) }
        set { floor = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Takes over `global_defs/log_level`.
    static func apply(_ settings: Settings) {
        let level: Logger.Level =
            switch settings.text("global_defs.log_level") {
            case "DEBUG": .debug
            case "INFO": .info
            case "NOTICE": .notice
            case "WARNING": .warning
            case "ERR": .error
            default: .critical
            }
        self.level.store(level.rank, ordering: .relaxed)
    }

    /// Lines that found no room since the start of the process.
    static var lostLines: UInt64 { writer.lostLines }

    /// Lets the last lines out before the process ends; waits half a second at most.
    static func finish() { writer.flush(within: .milliseconds(500)) }

    /// Control characters are escaped, and what follows a newline is indented: nothing in a name can
    /// look like a line of its own.
    func log(event: LogEvent) {
        let extra = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let suffix = extra.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        let lines = "\(event.message)\(suffix)".split(separator: "\n")
        let head = Self.start(event.level)
        let indent = Self.isJournal ? head + "  " : "  "
        for (number, line) in lines.enumerated() {
            let text = line.trimmingPrefix(number == 0 ? "" : "  ")
            Self.writer.append((number == 0 ? head : indent) + String(text).printable)
        }
    }

    private static func start(_ level: Logger.Level) -> String {
        if isJournal { return "<\(level.priority)>" }
        let time = Date().formatted(.iso8601.time(includingFractionalSeconds: true))
        return "\(time) \(level.rawValue) "
    }
}

extension Logger.Level {
    fileprivate var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    fileprivate static func ranked(_ rank: Int) -> Logger.Level { allCases[rank] }

    /// syslog(3).
    fileprivate var priority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
