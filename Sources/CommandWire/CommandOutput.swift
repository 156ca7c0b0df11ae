// SPDX-License-Identifier: Apache-2.0

/// What a command prints and ends with, on its way from the daemon: frames of one octet that says what
/// it is, four octets with its length (the highest first), and that many octets.
package enum CommandOutput: Equatable, Sendable {
    case output([UInt8])
    /// For standard error.
    case complaint([UInt8])
    /// The last frame: what the program ends with.
    case status(UInt8)

    package static let contentType = "application/vnd.dpvs.command-output"

    private enum Mark {
        static let output = UInt8(ascii: "o")
        static let complaint = UInt8(ascii: "e")
        static let status = UInt8(ascii: "s")
    }
    /// Octets before what a frame carries.
    private static let head = 5

    package var frame: [UInt8] {
        let (mark, octets): (UInt8, [UInt8]) =
            switch self {
            case .output(let octets): (Mark.output, octets)
            case .complaint(let octets): (Mark.complaint, octets)
            case .status(let status): (Mark.status, [status])
            }
        let count = UInt32(octets.count)
        return [mark] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + octets
    }

    /// Takes the first frame off `octets`; nil, and nothing is taken, while some of it is missing.
    ///
    /// What is no frame ends the command as a failure of this program.
    package static func next(in octets: inout [UInt8]) -> CommandOutput? {
        guard octets.count >= head else { return nil }
        let length = octets[1..<head].reduce(0) { $0 << 8 | Int($1) }
        guard octets.count >= head + length else { return nil }
        let content = Array(octets[head..<head + length])
        let mark = octets[0]
        octets.removeFirst(head + length)
        switch mark {
        case Mark.output: return .output(content)
        case Mark.complaint: return .complaint(content)
        case Mark.status where length == 1: return .status(content[0])
        default: return .status(1)
        }
    }
}
