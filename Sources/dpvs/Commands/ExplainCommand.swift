// SPDX-License-Identifier: Apache-2.0
import Addressing
import ArgumentParser
import Control
import Model

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say step by step what a running dpvs would do with a packet.",
        discussion: """
            The packet is made up and goes through the code of the packet path, on copies of what it \
            could change: nothing is sent, opened or counted.

            Exits 1 when the packet would be dropped.
            """
    )

    @Option(help: "Where it comes from: ADDRESS:PORT, [ADDRESS]:PORT; of icmp an address.")
    var from: String

    @Option(help: "Where it goes, in the same way.")
    var to: String

    @Option(
        name: .customLong("proto"),
        help: "tcp, udp, ... (default: tcp)",
        transform: transport
    )
    var transportProtocol = TransportProtocol.tcp

    @Option(
        parsing: .upToNextOption,
        help: "Flags of TCP. (default: syn, or ack when there is a connection)"
    )
    var flags: [String] = []

    @Option(help: "The device where it arrives. (default: by the route to its source)")
    var device: String?

    @Option(help: "The worker that receives it. (default: who has the connection, or the first)")
    var worker: Int?

    @OptionGroup var instance: InstanceOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        for text in [from, to] { _ = try endpoint(text, of: transportProtocol) }
    }

    func run() async throws {
        let request = try ExplanationRequest(
            source: endpoint(from, of: transportProtocol),
            destination: endpoint(to, of: transportProtocol),
            protocol: transportProtocol,
            flags: flags.isEmpty ? nil : flags,
            interface: device,
            worker: worker
        )
        let explanation = try await instance.client.explain(request)
        try output.write(explanation, \.text)
        try (explanation.verdict == .dropped ? ExitStatus.problem : .success).end()
    }
}

/// Reads an option's value, or says what is accepted; what has no ports needs none.
private func endpoint(_ text: String, of transport: TransportProtocol) throws -> Endpoint {
    if !transport.hasPorts, let address = IPAddress(text) { return Endpoint(address, 0) }
    guard let endpoint = Endpoint(text) else {
        throw ValidationError(
            transport.hasPorts
                ? "'\(text)' is not ADDRESS:PORT, such as 10.0.0.1:80 or [2001:db8::1]:80"
                : "'\(text)' is not an address, such as 10.0.0.1 or 2001:db8::1"
        )
    }
    return endpoint
}

private func transport(_ text: String) throws -> TransportProtocol {
    guard let transport = TransportProtocol(rawValue: text.lowercased()) else {
        let known = TransportProtocol.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("'\(text)' is no protocol that is balanced: accepted are \(known)")
    }
    return transport
}
