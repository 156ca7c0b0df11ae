// SPDX-License-Identifier: Apache-2.0
import CommandWire
import Control
import HTTPTypes
import Hummingbird
import IPVS
import NIOCore

/// A command line, as programs send it that print what comes of it.
struct CommandLineRequest: Decodable, Sendable {
    var words: [String]
    var input: String?
}

extension ControlRoutes {
    @Sendable static func ipvsadm(_ request: ControlRequest) async throws -> Response {
        let line = try await request.body(
            as: CommandLineRequest.self,
            expected: "no command line: words is needed, a list of texts"
        )
        let backend = request.backend
        let body = ResponseBody { writer in
            let answer = try await IPVS.Session.answer(
                line.words,
                input: line.input ?? "",
                backend
            ) { text in
                let output = CommandOutput.output(Array(text.utf8))
                try await writer.write(ByteBuffer(bytes: output.frame))
            }
            let remarks = answer.remarks.map { $0 + "\n" }.joined()
            var frames: [UInt8] = []
            if !remarks.isEmpty { frames += CommandOutput.complaint(Array(remarks.utf8)).frame }
            frames += CommandOutput.status(UInt8(answer.status.rawValue)).frame
            try await writer.write(ByteBuffer(bytes: frames))
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: CommandOutput.contentType, .cacheControl: "no-store"],
            body: body
        )
    }
}
