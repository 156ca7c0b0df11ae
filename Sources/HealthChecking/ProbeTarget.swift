// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

/// Who is asked what: backends of several services that are asked the same share one.
struct ProbeTarget: Hashable, Sendable {
    var address: IPAddress
    var port: UInt16
    var check: HealthCheck
    /// What goes in front of everything that is said.
    var greeting: [UInt8]

    private static let namePort: UInt16 = 53

    init(_ check: HealthCheck, of backend: Backend, in service: Service) {
        address = check.address ?? backend.endpoint.address
        let own = backend.endpoint.port
        let isDNS = check.probe.kind == .dns
        port = check.port ?? (isDNS && own == 0 ? Self.namePort : own)
        // Another port is a page for checks, where nobody expects the header.
        let isOwnPort = check.port == nil && check.address == nil
        let mode = service.mode == .fnat ? service.effectiveClientAddress : .none
        greeting = isOwnPort ? ProxyGreeting.octets(for: mode) : []
        self.check = check
    }

    /// Whether an answer to one is an answer to the other: nothing but times and counts differ.
    func asksTheSame(as other: ProbeTarget) -> Bool {
        address == other.address && port == other.port && greeting == other.greeting
            && check.probe == other.check.probe && check.source == other.check.source
            && check.interface == other.check.interface
    }

    /// The side of a talk that is ours; nil: nobody talks.
    func conversation() -> (any Conversation)? {
        switch check.probe {
        case .tcp(let exchange): StreamConversation(exchange, greeting: greeting)
        case .udp(let exchange): DatagramConversation(exchange, greeting: greeting)
        case .http(let http):
            HTTPConversation(http, authority: authority, greeting: greeting)
        case .dns(let dns):
            DNSConversation(dns, identifier: .random(in: 0 ... .max))
        case .smtp(let smtp): SMTPConversation(smtp.name)
        case .ping, .script: nil
        }
    }

    private var authority: String {
        let standard: UInt16 = check.probe.kind == .https ? 443 : 80
        if port != standard { return Endpoint(address, port).description }
        return address.family == .ipv6 ? "[\(address)]" : "\(address)"
    }
}
