// SPDX-License-Identifier: Apache-2.0
import CommandWire
import Glibc
import Linux

/// `ipvsadm`: sends its words to the daemon and prints what comes back.
@main
enum Main {
    static func main() {
        do throws(LinuxError) {
            exit(Int32(try run()))
        } catch {
            // Where nobody reads there is nobody to be told.
            exit(1)
        }
    }

    private static func run() throws(LinuxError) -> UInt8 {
        if let text = IPVSHelp.answer(words) {
            try Files.write(Array(text.utf8), to: STDOUT_FILENO)
            return 0
        }
        guard let instance = InstanceWords(words) else {
            return complain("--instance and --socket need a value", 2)
        }
        guard let socket = instance.path(variable) else {
            return complain("there is no instance of that name; it is a word without slashes", 2)
        }
        var command = ForwardedCommand(path: "/v1/ipvsadm", words: instance.rest)
        if readsInput {
            let input = try Files.readAll(from: STDIN_FILENO)
            command.input = String(decoding: input, as: UTF8.self)
        }
        return run(command, at: socket)
    }

    private static func run(_ command: ForwardedCommand, at socket: String) -> UInt8 {
        do throws(ForwardedCommand.Failure) {
            return try command.run(at: socket) { output throws(LinuxError) in
                switch output {
                case .output(let octets): try Files.write(octets, to: STDOUT_FILENO)
                case .complaint(let octets): try Files.write(octets, to: STDERR_FILENO)
                case .status: break
                }
            }
        } catch {
            return complain(error.sentence(at: socket), error.status)
        }
    }

    /// `ipvsadm-save` and `ipvsadm-restore` are links to the same program.
    private static var words: [String] {
        let words = Array(CommandLine.arguments.dropFirst())
        let name = CommandLine.arguments.first?.split(separator: "/").last ?? ""
        if name.hasSuffix("-save") { return ["-S"] + words }
        if name.hasSuffix("-restore") { return ["-R"] + words }
        return words
    }

    private static var readsInput: Bool {
        words.contains { $0 == "--restore" || $0.hasPrefix("-R") }
    }

    private static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    private static func complain(_ sentence: String, _ status: UInt8) -> UInt8 {
        try? Files.write(Array((sentence + "\n").utf8), to: STDERR_FILENO)
        return status
    }
}
