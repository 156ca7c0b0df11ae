// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Linux

/// A command line that the daemon carries out: the program that the user starts sends its words, and
/// prints what comes back.
///
/// So a command costs its user the start of a small program and one question, and its text is made where
/// the services are.
package struct ForwardedCommand: Equatable, Sendable {
    /// Where the API has the command: `/v1/ipvsadm`.
    package var path: String
    /// Behind the name of the program, without those that choose the instance.
    package var words: [String]
    /// What the program has read.
    package var input: String

    package init(path: String, words: [String], input: String = "") {
        self.path = path
        self.words = words
        self.input = input
    }

    /// The body of the request, JSON.
    package var body: [UInt8] {
        var body = Array("{\"words\":[".utf8)
        body += words.map(\.jsonText).joined(separator: [UInt8(ascii: ",")])
        body += Array("],\"input\":".utf8)
        body += input.jsonText
        body.append(UInt8(ascii: "}"))
        return body
    }

    private var request: [UInt8] {
        let body = body
        let head =
            "POST \(path) HTTP/1.1\r\nHost: dpvs\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.count)\r\nConnection: close\r\n\r\n"
        return Array(head.utf8) + body
    }

    /// Seconds for which the daemon may say nothing.
    private static let patience = 60

    /// Why there is no answer.
    package enum Failure: Error, Equatable, Sendable {
        case unreachable(LinuxError)
        /// The answer is none of this command: its HTTP status and its body.
        case refused(Int, String)
        /// The answer ended before its end.
        case cut
    }

    /// Asks the daemon at `socket` and gives `take` what comes, as it comes.
    ///
    /// Returns what the program ends with; what `take` throws ends it.
    package func run(
        at socket: String,
        _ take: (CommandOutput) throws(LinuxError) -> Void
    ) throws(Failure) -> UInt8 {
        do {
            let stream = try UnixStream(to: socket, patience: Self.patience)
            try stream.write(request)
            var answer = HTTPAnswer()
            var waiting: [UInt8] = []
            while !answer.isComplete, !answer.isBroken, let octets = try stream.read() {
                waiting += answer.take(octets)
                guard answer.status == 200 else { continue }
                while let output = CommandOutput.next(in: &waiting) {
                    if case .status(let status) = output { return status }
                    try take(output)
                }
            }
            if let status = answer.status, status != 200 {
                throw Failure.refused(status, String(decoding: waiting, as: UTF8.self))
            }
            throw Failure.cut
        } catch let failure as Failure {
            throw failure
        } catch let error as LinuxError {
            throw .unreachable(error)
        } catch {
            throw .cut
        }
    }
}

extension ForwardedCommand.Failure {
    package func sentence(at socket: String) -> String {
        switch self {
        case .unreachable(let error) where error.code == ENOENT:
            "dpvs is not running: there is no \(socket)"
        case .unreachable(let error) where error.code == ECONNREFUSED:
            "dpvs is not running: nobody listens on \(socket), which an earlier run left behind"
        case .unreachable(let error) where error.isForbidden:
            "\(socket) is for the user that runs dpvs: permission denied"
        case .unreachable(let error) where error.code == EAGAIN:
            "dpvs does not answer on \(socket)"
        case .unreachable(let error): "dpvs cannot be asked: \(error)"
        case .refused(let status, let body): "dpvs answers \(status): \(body)"
        case .cut: "the answer of dpvs on \(socket) is cut off"
        }
    }

    /// What the program ends with.
    package var status: UInt8 {
        if case .refused = self { return 1 }
        return 3
    }
}
