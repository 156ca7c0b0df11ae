// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import HTTPTypes
import Hummingbird
import Model
import NIOCore
import ServiceLifecycle

extension Response {
    /// Server-sent events (WHATWG HTML section 9.2), until the client or the server goes.
    static func events(_ signals: AsyncStream<RunningEvents.Signal>) -> Response {
        let body = ResponseBody { writer in
            // Not before something happens, or the client does not know that it is heard.
            try await writer.write(ByteBuffer(string: ":\n\n"))
            for await signal in signals.cancelOnGracefulShutdown() {
                try await writer.write(ByteBuffer(bytes: try text(of: signal)))
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: body
        )
    }

    private static func text(of signal: RunningEvents.Signal) throws -> Data {
        switch signal {
        case .pulse: Data(":\n\n".utf8)
        case .event(let event):
            // The JSON has no line breaks.
            Data("id: \(event.number)\nevent: \(event.kind.rawValue)\ndata: ".utf8)
                + (try ControlJSON.encode(event)) + Data("\n\n".utf8)
        }
    }
}
