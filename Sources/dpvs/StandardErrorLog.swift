// SPDX-License-Identifier: Apache-2.0
import Foundation
import Logging
import Model
import Synchronization

/// Logs to standard error: with the time for people, with priorities for the journal.
///
/// The level is one for the process and changes with a reload.
struct StandardErrorLog: LogHandler {
    private static let level = Atomic(Logger.Level.info.rank)
    /// Set by systemd when standard error goes to the journal (systemd.exec(5)).
    private static let isJournal = ProcessInfo.processInfo.environment["JOURNAL_STREAM"] != nil

    var metadata = Logger.Metadata()
    /// What this logger leaves out besides.
    private var ownLevel = Logger.Level.trace
    var logLevel: Logger.Level {
        get { max(ownLevel, Logger.Level.ranked(Self.level.load(ordering: .relaxed))) }
        set { ownLevel = newValue }
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

    func log(event: LogEvent) {
        let extra = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let suffix = extra.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        let start =
            Self.isJournal
            ? "<\(event.level.priority)>"
            : Date().formatted(.iso8601.time(includingFractionalSeconds: true))
                + " \(event.level.rawValue) "
        FileHandle.standardError.write(Data("\(start)\(event.message)\(suffix)\n".utf8))
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
