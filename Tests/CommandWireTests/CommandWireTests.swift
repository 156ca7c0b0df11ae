// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import CommandWire

/// The words of a command on their way to the daemon, and what comes back.
@Suite struct CommandWireTests {
    @Test(arguments: [1, 2, 3, 7, 1000])
    func `an answer is read however it is cut into pieces`(size: Int) throws {
        let frames =
            CommandOutput.output(Array("text\n".utf8)).frame
            + CommandOutput.complaint(Array("warning\n".utf8)).frame
            + CommandOutput.output([]).frame + CommandOutput.status(2).frame
        let (first, second) = (frames.prefix(9), frames.dropFirst(9))
        let chunked =
            Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
            + Array("\(String(first.count, radix: 16))\r\n".utf8) + first + Array("\r\n".utf8)
            + Array("\(String(second.count, radix: 16));x=y\r\n".utf8) + second
            + Array("\r\n0\r\n\r\n".utf8)
        let plain =
            Array("HTTP/1.1 200 OK\r\ncontent-length: \(frames.count)\r\n\r\n".utf8) + frames
        for octets in [chunked, plain] {
            var answer = HTTPAnswer()
            var waiting: [UInt8] = []
            var outputs: [CommandOutput] = []
            for start in stride(from: 0, to: octets.count, by: size) {
                waiting += answer.take(Array(octets[start..<min(start + size, octets.count)]))
                while let output = CommandOutput.next(in: &waiting) { outputs.append(output) }
            }
            #expect(answer.status == 200 && answer.isComplete && !answer.isBroken)
            #expect(
                outputs == [
                    .output(Array("text\n".utf8)), .complaint(Array("warning\n".utf8)),
                    .output([]), .status(2),
                ]
            )
        }
    }

    @Test(arguments: [
        "HTTP/2 200\r\n\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        String(repeating: "x", count: 70_000),
    ])
    func `what is no answer of HTTP is broken`(text: String) {
        var answer = HTTPAnswer()
        _ = answer.take(Array(text.utf8))
        #expect(answer.isBroken && !answer.isComplete)
    }

    @Test func `words and input arrive as JSON has them`() throws {
        let command = ForwardedCommand(
            path: "/v1/ipvsadm",
            words: ["-A", "\"quoted\" \\ ä\n\t", ""],
            input: "line 1\r\nline 2\u{1}"
        )
        struct Body: Decodable, Equatable {
            var words: [String]
            var input: String
        }
        let body = try JSONDecoder().decode(Body.self, from: Data(command.body))
        #expect(body == Body(words: command.words, input: command.input))
    }

    @Test(
        arguments: [
            (["-ln"], [:], "/run/dpvs/default/control.sock", ["-ln"]),
            (["-ln"], ["DPVS_INSTANCE": "b"], "/run/dpvs/b/control.sock", ["-ln"]),
            (["-ln"], ["DPVS_INSTANCE": "b", "DPVS_IPC_FILE": "/x.ipc"], "/x.ipc", ["-ln"]),
            (
                ["--instance", "c", "-ln"], ["DPVS_IPC_FILE": "/x.ipc"], "/run/dpvs/c/control.sock",
                ["-ln"]
            ),
            (["-ln", "--socket=/y.sock", "-t"], ["DPVS_INSTANCE": "b"], "/y.sock", ["-ln", "-t"]),
            (["--instance=../b"], [:], nil, []), (["--instance", ""], [:], nil, []),
        ] as [([String], [String: String], String?, [String])]
    )
    func `words, then the environment, choose the instance`(
        words: [String],
        environment: [String: String],
        path: String?,
        rest: [String]
    ) throws {
        let instance = try #require(InstanceWords(words))
        #expect(instance.path { environment[$0] } == path && instance.rest == rest)
        #expect(InstanceWords(words + ["--socket"]) == nil)
    }
}
