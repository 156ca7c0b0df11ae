// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// How a backend is asked, again and again, whether it serves.
///
/// A verdict is a condition beside the desired state, like a link that is down: nothing here changes
/// weights or services.
package struct HealthCheck: Hashable, Codable, Sendable {
    package var probe: HealthProbe
    /// From the start of one probe to the start of the next.
    package var interval: Duration
    /// The same while the latest answers contradict the verdict; nil: `interval`.
    package var retryInterval: Duration?
    /// A probe without an answer by then has failed.
    package var timeout: Duration
    /// Good answers in a row after which a backend that failed serves again.
    package var rise: Int
    /// Bad answers in a row after which a backend that served fails.
    package var fall: Int
    /// Who is asked; nil: the backend's own address and port.
    package var address: IPAddress?
    package var port: UInt16?
    /// Where probes come from; nil: what the kernel's routes say.
    package var source: IPAddress?
    /// The kernel interface that probes leave by; nil: what the kernel's routes say.
    package var interface: String?
    /// Whether the backend gets no connections before its first good answer.
    package var beginsDown: Bool

    package static let counts = 1...1000
    package static let intervals: ClosedRange<Duration> = .milliseconds(100) ... .seconds(86_400)
    package static let timeouts: ClosedRange<Duration> = .milliseconds(10) ... .seconds(3600)

    package init(
        _ probe: HealthProbe,
        interval: Duration = .seconds(3),
        retryInterval: Duration? = nil,
        timeout: Duration = .seconds(2),
        rise: Int = 2,
        fall: Int = 3,
        address: IPAddress? = nil,
        port: UInt16? = nil,
        source: IPAddress? = nil,
        interface: String? = nil,
        beginsDown: Bool = false
    ) {
        self.probe = probe
        self.interval = interval
        self.retryInterval = retryInterval
        self.timeout = timeout
        self.rise = rise
        self.fall = fall
        self.address = address
        self.port = port
        self.source = source
        self.interface = interface
        self.beginsDown = beginsDown
    }
}

extension HealthCheck: CustomStringConvertible {
    /// `http GET /healthz every 3s, timeout 2s, rise 2, fall 3`.
    package var description: String {
        var target = port.map { " on port \($0)" } ?? ""
        if let address { target = " of \(address)" + target }
        let retry = retryInterval.map { ", again after \($0.text)" } ?? ""
        let way =
            (source.map { ", from \($0)" } ?? "") + (interface.map { ", by \($0)" } ?? "")
        return "\(probe)\(target) every \(interval.text)\(retry), timeout \(timeout.text), "
            + "rise \(rise), fall \(fall)\(way)\(beginsDown ? ", down at first" : "")"
    }
}

/// What is said about one backend where its service says something else, or nothing.
///
/// In a box, because most backends of large configurations have none.
package indirect enum BackendCheck: Hashable, Codable, Sendable, CustomStringConvertible {
    case off
    /// All of them must be good.
    case own([HealthCheck])

    package var description: String {
        switch self {
        case .off: "off"
        case .own(let checks): checks.map(\.description).joined(separator: "; and ")
        }
    }
}

/// What becomes of a service when every backend fails its check.
package enum HealthPanic: String, Codable, Sendable, CaseIterable {
    /// All get connections: more likely the checks are wrong than every backend.
    case serveAll
    /// None gets any.
    case serveNone
}

extension Service {
    /// How a backend of this service is asked, all of which must be good; empty: it is not.
    package func healthChecks(of backend: Backend) -> [HealthCheck] {
        switch backend.healthCheck {
        case nil: protection.healthCheck.map { [$0] } ?? []
        case .off: []
        case .own(let checks): checks
        }
    }

    /// Whether some backend is asked.
    package var hasHealthChecks: Bool {
        protection.healthCheck != nil || backends.contains { $0.healthCheck != nil }
    }
}
