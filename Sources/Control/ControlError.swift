// SPDX-License-Identifier: Apache-2.0

/// Why a command got no answer that it can use.
package enum ControlError: Error, Equatable, Sendable {
    /// There is no socket; `others` are the instances that have one.
    case noSocket(String, others: [String])
    /// There is a socket that nobody listens on.
    case notRunning(String)
    case noPermission(String)
    /// No socket can have such a path.
    case pathTooLong(String)
    case noAnswer(String, reason: String)
    /// The daemon says no.
    case refused(ProblemDetails)
    /// Not what this version understands.
    case unreadable(reason: String)

    /// What the command ends with.
    package var exitCode: ExitStatus {
        switch self {
        case .noSocket, .notRunning, .noPermission, .noAnswer, .pathTooLong: .unreachable
        case .refused(let problem): problem.refusal?.exitStatus ?? .problem
        case .unreadable: .problem
        }
    }
}

/// What every `dpvs` command ends with.
package enum ExitStatus: Int32, Sendable {
    case success = 0
    /// The command ran and what it looked at is not as it should be.
    case problem = 1
    /// The command line is wrong.
    case usage = 2
    /// The daemon cannot be asked.
    case unreachable = 3
}

extension ControlError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noSocket(let path, let others) where others.isEmpty:
            "dpvs is not running: there is no \(path)"
        case .noSocket(let path, let others):
            "dpvs is not running as this instance: there is no \(path); "
                + "--instance could be \(others.joined(separator: ", "))"
        case .notRunning(let path):
            "dpvs is not running: nobody listens on \(path), which an earlier run left behind"
        case .noPermission(let path):
            "\(path) is for the user that runs dpvs: permission denied"
        case .pathTooLong(let path):
            "\(path) is too long for a unix socket: \(path.utf8.count) octets, "
                + "at most \(SocketPath.longest) are possible"
        case .noAnswer(let path, let reason):
            "dpvs does not answer on \(path): \(reason)"
        case .refused(let problem):
            problem.description
        case .unreadable(let reason):
            "the answer of dpvs is not understood, is it another version? \(reason)"
        }
    }
}
