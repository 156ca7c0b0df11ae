// SPDX-License-Identifier: Apache-2.0

/// One question to a backend, and what a good answer is.
package enum HealthProbe: Hashable, Codable, Sendable {
    /// A connection opens and, where that is asked for, an answer comes.
    case tcp(Exchange)
    case http(HTTP)
    /// No "port unreachable" comes back and, where that is asked for, an answer does.
    case udp(Exchange)
    /// An echo reply.
    case ping
    /// An answer of a name server without an error.
    case dns(DNS)
    /// A mail server greets, and answers our greeting.
    case smtp(SMTP)
    /// A program that ends with status 0.
    case script(Script)

    /// Octets there and back.
    package struct Exchange: Hashable, Codable, Sendable {
        /// nil: nothing over TCP, an empty datagram over UDP.
        package var send: [UInt8]?
        /// What an answer contains; nil: any, or none.
        package var expect: [UInt8]?

        package init(send: [UInt8]? = nil, expect: [UInt8]? = nil) {
            self.send = send
            self.expect = expect
        }
    }

    package struct HTTP: Hashable, Codable, Sendable {
        package var method: Method
        package var path: String
        /// The header; nil: the address that is asked.
        package var host: String?
        package var status: [ClosedRange<Int>]
        /// What the body contains; nil: anything.
        package var expect: [UInt8]?
        /// nil: in clear.
        package var tls: TLS?

        package enum Method: String, Codable, Sendable, CaseIterable {
            case get = "GET"
            case head = "HEAD"
            case options = "OPTIONS"
        }

        package static let statuses = 100...599

        package init(
            method: Method = .get,
            path: String = "/",
            host: String? = nil,
            status: [ClosedRange<Int>] = [200...399],
            expect: [UInt8]? = nil,
            tls: TLS? = nil
        ) {
            self.method = method
            self.path = path
            self.host = host
            self.status = status
            self.expect = expect
            self.tls = tls
        }
    }

    package struct TLS: Hashable, Codable, Sendable {
        /// What the client says whom it wants (SNI), and what a verified certificate must be for; nil:
        /// the host, where that is a name.
        package var serverName: String?
        /// Whether the certificate must be good.
        package var isVerified: Bool

        package init(serverName: String? = nil, isVerified: Bool = false) {
            self.serverName = serverName
            self.isVerified = isVerified
        }
    }

    package struct DNS: Hashable, Codable, Sendable {
        package var name: String
        package var record: Record

        package enum Record: String, Codable, Sendable, CaseIterable {
            case a = "A"
            case aaaa = "AAAA"
            case cname = "CNAME"
            case mx = "MX"
            case ns = "NS"
            case ptr = "PTR"
            case soa = "SOA"
            case txt = "TXT"
        }

        package init(name: String = ".", record: Record = .soa) {
            self.name = name
            self.record = record
        }
    }

    package struct SMTP: Hashable, Codable, Sendable {
        /// What HELO says.
        package var name: String

        package init(name: String = "localhost") { self.name = name }
    }

    package struct Script: Hashable, Codable, Sendable {
        /// The program and its arguments.
        package var words: [String]

        package init(words: [String]) { self.words = words }
    }
}

extension HealthProbe {
    /// What service files call it.
    package enum Kind: String, Codable, Sendable, CaseIterable {
        case tcp, http, https, udp, ping, dns, smtp, script
    }

    package var kind: Kind {
        switch self {
        case .tcp: .tcp
        case .http(let http): http.tls == nil ? .http : .https
        case .udp: .udp
        case .ping: .ping
        case .dns: .dns
        case .smtp: .smtp
        case .script: .script
        }
    }

    /// A probe of a kind as it is by default; a script has no words yet.
    package init(_ kind: Kind) {
        self =
            switch kind {
            case .tcp: .tcp(Exchange())
            case .http: .http(HTTP())
            case .https: .http(HTTP(tls: TLS()))
            case .udp: .udp(Exchange())
            case .ping: .ping
            case .dns: .dns(DNS())
            case .smtp: .smtp(SMTP())
            case .script: .script(Script(words: []))
            }
    }

    /// Whether it is sent to a port.
    package var needsPort: Bool {
        switch self {
        case .tcp, .http, .udp, .smtp: true
        // Name servers have a port of their own.
        case .ping, .dns, .script: false
        }
    }
}

extension HealthProbe: CustomStringConvertible {
    /// `http GET /healthz`.
    package var description: String {
        switch self {
        case .http(let http): "\(kind.rawValue) \(http.method.rawValue) \(http.path)"
        case .dns(let dns): "dns \(dns.record.rawValue) \(dns.name)"
        case .script(let script): "script \(script.words.joined(separator: " "))"
        case .tcp(let exchange), .udp(let exchange):
            kind.rawValue + (exchange.expect == nil ? "" : " with an answer")
        case .ping: "ping"
        case .smtp(let smtp): "smtp HELO \(smtp.name)"
        }
    }
}
