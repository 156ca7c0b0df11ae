// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Linux
import Logging
import NIOCore
import ServiceLifecycle

/// Where a receiver is asked: a unix socket for the commands and, when wanted, a TCP port for Prometheus.
package enum ReceiverPlace {
    /// Only its owner may enter.
    package static let directory = "/run/dpvs-realip"

    package static func socket(of name: String) -> String { "\(directory)/\(name).sock" }

    package static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.count <= 64
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
            && !name.hasPrefix(".")
    }

    /// Receivers that answer here.
    package static func running() async -> [ReceiverStatus] {
        var statuses: [ReceiverStatus] = []
        for file in (try? Files.list(directory)) ?? [] where file.hasSuffix(".sock") {
            let client = ControlClient(socket: "\(directory)/\(file)", timeout: .seconds(2))
            if let status = try? await client.get("/v1/status", as: ReceiverStatus.self) {
                statuses.append(status)
            }
        }
        return statuses
    }
}

extension ReceiverStatus {
    /// Whether its interfaces are those of this network namespace; another's may have the same names.
    package var isInThisNetwork: Bool {
        let network = Files.link("/proc/\(process)/ns/net")
        return network != nil && network == Files.link("/proc/self/ns/net")
    }
}

/// Answers `GET /v1/status`, `/metrics` and `/livez` for a receiver until the task is cancelled.
struct ReceiverServer: Sendable {
    let receiver: Receiver
    let addresses: [BindAddress]

    /// A receiver of the same name that answers must not be cut off from its commands.
    static func prepare(_ socket: String, named name: String) async throws(ReceiverServerError) {
        do {
            try Files.makePrivateDirectory(ReceiverPlace.directory)
        } catch {
            throw .noPlace("\(error)")
        }
        guard Files.isReadableAndWritable(ReceiverPlace.directory) else {
            throw .noPlace(
                "\(ReceiverPlace.directory) may be entered by its owner only, root mostly"
            )
        }
        if await ControlClient(socket: socket, timeout: .seconds(5)).isListening() {
            throw .nameIsTaken(name, socket: socket)
        }
        Files.remove(socket)
    }

    func run() async throws {
        var logger = Logger(label: "dpvs-realip")
        // That connections are cut off at the end is no error, though the library says so.
        logger.logLevel = .critical
        let services = addresses.map { address in
            Application(
                responder: ReceiverResponder(receiver: receiver),
                configuration: ApplicationConfiguration(
                    address: address,
                    serverName: "dpvs-realip"
                ),
                logger: logger
            )
        }
        do {
            try await ServiceGroup(
                configuration: .init(
                    services: services,
                    gracefulShutdownSignals: [],
                    logger: logger
                )
            )
            .run()
        } catch let error as IOError {
            let reason = LinuxError("bind", error.errnoCode).reason
            throw ReceiverServerError.noPlace("--metrics cannot have that address: \(reason)")
        }
    }
}

package enum ReceiverServerError: Error, CustomStringConvertible {
    case nameIsTaken(String, socket: String)
    case noPlace(String)

    package var description: String {
        switch self {
        case .nameIsTaken(let name, let socket):
            "a receiver named '\(name)' answers on \(socket) already; --name gives this one another"
        case .noPlace(let reason): reason
        }
    }
}

private struct ReceiverResponder: HTTPResponder {
    typealias Context = BasicRequestContext
    let receiver: Receiver

    func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        guard request.method == .get else { return Response(status: .methodNotAllowed) }
        switch request.uri.path {
        case "/v1/status":
            let data = try ControlJSON.encode(await receiver.status)
            return answer("application/json", data)
        case "/metrics":
            let text = await receiver.status.metrics
            return answer("text/plain; version=0.0.4; charset=utf-8", Data(text.utf8))
        case "/livez": return answer("text/plain", Data("ok\n".utf8))
        default: return Response(status: .notFound)
        }
    }

    private func answer(_ type: String, _ data: Data) -> Response {
        var response = Response(
            status: .ok,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: data))
        )
        response.headers[.contentType] = type
        return response
    }
}
