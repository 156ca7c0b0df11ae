// SPDX-License-Identifier: Apache-2.0
import Model

/// How backends are asked whether they serve: see doc/health-checks.md.
extension ServiceFileSchema {
    static let healthCheck = Object(
        name: "healthCheck",
        fields: healthTiming + healthTarget + healthQuestion
    )

    private static let kinds = HealthProbe.Kind.allCases.map(\.rawValue)

    private static let healthTiming: [Field] = [
        field(
            "type",
            .choice(kinds),
            default: "required; of a backend the service's",
            "what is asked; a backend's check without a type changes single keys of the service's"
        ),
        field("interval", .duration, default: "3s", "from one probe to the next, 100ms at least"),
        field(
            "retryInterval",
            .duration,
            default: "interval",
            "the same while answers contradict what holds"
        ),
        field("timeout", .duration, default: "2s", "a probe that takes longer has failed"),
        field(
            "rise",
            .integer(HealthCheck.counts),
            default: "2",
            "good answers in a row after which a failed backend serves again"
        ),
        field(
            "fall",
            .integer(HealthCheck.counts),
            default: "3",
            "bad answers in a row after which a backend fails"
        ),
        field(
            "initial",
            .choice(HealthInitial.allCases.map(\.rawValue)),
            default: "up",
            "down: a new backend gets no connections before its first good answer"
        ),
    ]

    private static let healthTarget: [Field] = [
        field("address", .address, default: "the backend's", "who is asked"),
        field("port", .integer(ports), default: "the backend's; 53 for dns", "port that is asked"),
        field("source", .address, default: "by the kernel's routes", "where probes come from"),
        field(
            "interface",
            .text,
            default: "by the kernel's routes",
            "kernel interface that probes leave by"
        ),
    ]

    private static let healthQuestion: [Field] = [
        field(
            "method",
            .choice(HealthProbe.HTTP.Method.allCases.map(\.rawValue)),
            default: "GET",
            "of http and https"
        ),
        field("path", .text, default: "/", "of http and https, with a query where needed"),
        field("host", .text, default: "the address", "header Host of http and https"),
        field("status", .statuses, default: "200-399", "good answers of http and https"),
        field("send", .text, default: "nothing", "of tcp and udp; hex:0d0a for octets"),
        field(
            "expect",
            .text,
            default: "nothing",
            "what an answer of tcp or udp, or a body of http and https, contains; hex: alone: any"
        ),
        field(
            "serverName",
            .text,
            default: "host",
            "of https: name that the client asks for (SNI)"
        ),
        field("verify", .flag, default: "false", "of https: whether the certificate must be good"),
        field("query", .text, default: ".", "of dns: the name that is asked for"),
        field(
            "record",
            .choice(HealthProbe.DNS.Record.allCases.map(\.rawValue)),
            default: "SOA",
            "of dns: what is asked for"
        ),
        field("helo", .text, default: "localhost", "of smtp: the name that greets the server"),
        field(
            "command",
            .list(.text),
            default: "none",
            "of script: an absolute path, and words after it"
        ),
    ]

    /// Keys of the question that mean something for a kind.
    static func questionKeys(of kind: HealthProbe.Kind) -> Set<String> {
        switch kind {
        case .tcp, .udp: ["send", "expect"]
        case .http: ["method", "path", "host", "status", "expect"]
        case .https: ["method", "path", "host", "status", "expect", "serverName", "verify"]
        case .dns: ["query", "record"]
        case .smtp: ["helo"]
        case .script: ["command"]
        case .ping: []
        }
    }

    static let allQuestionKeys = healthQuestion.map(\.key)

    static let serviceHealth: [Field] = [
        field(
            "healthCheck",
            .either(.choice(["off"] + kinds), .object(healthCheck)),
            default: "off",
            "how backends are asked whether they serve: health-checks.md"
        ),
        field(
            "panic",
            .choice(HealthPanic.allCases.map(\.rawValue)),
            default: "serveAll",
            "what comes when every backend fails its health check"
        ),
    ]

    static let backendHealth: [Field] = [
        field(
            "healthCheck",
            .either(
                .choice(["off"] + kinds),
                .either(.object(healthCheck), .list(.object(healthCheck)))
            ),
            default: "the service's",
            "how this backend is asked whether it serves; of several checks all must be good"
        )
    ]
}

/// Words of `initial`.
enum HealthInitial: String, CaseIterable {
    case up, down
}
