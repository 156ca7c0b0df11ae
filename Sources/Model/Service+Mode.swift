// SPDX-License-Identifier: Apache-2.0
import Addressing

/// Something about a service that does not fit its forwarding mode.
package struct ModeProblem: Equatable, Sendable {
    package enum Attribute: Equatable, Sendable {
        case localAddresses
        /// By its place among the service's.
        case backend(Int)
        case tunnel
    }

    package var attribute: Attribute
    /// A warning, of a service that works as soon as something is added to it.
    package var severity: Diagnostic.Severity
    package var message: String
    package var value: String?
    package var accepted: String?
}

extension Service {
    /// What does not fit the mode; every front end asks.
    package var modeProblems: [ModeProblem] {
        localAddressProblems + tunnelProblems + backends.indices.flatMap(backendProblems)
    }

    private var localAddressProblems: [ModeProblem] {
        let first = localAddresses.first?.description
        switch mode {
        case .fnat, .snat:
            guard localAddresses.isEmpty else { return missingFamilies }
            if mode == .fnat, backends.isEmpty { return [] }
            let accepted =
                mode == .fnat
                ? "at least one address: fnat asks backends from it"
                : "at least one public address"
            return [
                problem(
                    .localAddresses,
                    "is empty: new connections are dropped",
                    nil,
                    accepted,
                    .warning
                )
            ]
        case .dr, .tunnel, .nat:
            guard !localAddresses.isEmpty else { return [] }
            return [
                problem(
                    .localAddresses,
                    "is of no use with mode \(mode.rawValue), which keeps the address of clients",
                    first,
                    "mode fnat, or no localAddresses"
                )
            ]
        }
    }

    /// Families of backends that no local address can talk to.
    ///
    /// These are warnings because operators' tools make a service step by step: backends first, local
    /// addresses afterwards.
    private var missingFamilies: [ModeProblem] {
        let wanted = Set(backends.map(\.endpoint.address.family))
        return wanted.subtracting(localAddresses.map(\.family)).sorted { $0.rawValue < $1.rawValue }
            .map { family in
                let name = family == .ipv4 ? "IPv4" : "IPv6"
                return problem(
                    .localAddresses,
                    "has none of \(name), which backends have: their new connections are dropped",
                    localAddresses.map(\.description).joined(separator: " "),
                    "an own \(name) address",
                    .warning
                )
            }
    }

    /// What its new connections lack to be asked from; nil: nothing.
    package var addressLack: String? {
        guard mode == .fnat || mode == .snat else { return nil }
        if localAddresses.isEmpty {
            return mode == .fnat && backends.isEmpty ? nil : "it has no local addresses"
        }
        let here = Set(localAddresses.map(\.family))
        guard
            let family = backends.map(\.endpoint.address.family)
                .first(where: { !here.contains($0) })
        else { return nil }
        return "it has no \(family == .ipv4 ? "IPv4" : "IPv6") local address, which backends need"
    }

    private var tunnelProblems: [ModeProblem] {
        guard let tunnel else { return [] }
        guard mode == .tunnel else {
            return [
                problem(
                    .tunnel,
                    "is of no use with mode \(mode.rawValue)",
                    tunnel.kind.rawValue,
                    "mode tunnel"
                )
            ]
        }
        guard !tunnel.kind.isUDP else { return [] }
        let kind = tunnel.kind.rawValue
        if let port = tunnel.port {
            return [problem(.tunnel, "has a port, but \(kind) has none", "\(port)", "gue or fou")]
        }
        if tunnel.hasChecksum {
            return [problem(.tunnel, "has a checksum, but \(kind) has none", "true", "gue or fou")]
        }
        return []
    }

    private func backendProblems(_ index: Int) -> [ModeProblem] {
        let endpoint = backends[index].endpoint
        let families = (key.family, endpoint.address.family)
        var problems: [ModeProblem] = []
        switch mode {
        case .fnat where families.0 == .ipv4 && families.1 == .ipv6:
            problems.append(
                problem(
                    .backend(index),
                    "is IPv6 behind an IPv4 address",
                    endpoint.description,
                    "an IPv4 backend; only IPv6 clients reach the other family (NAT64)"
                )
            )
        case .nat where families.0 != families.1, .dr where families.0 != families.1:
            problems.append(
                problem(
                    .backend(index),
                    "is of another family than the service, which \(mode.rawValue) does not change",
                    endpoint.description,
                    "\(families.0 == .ipv4 ? "an IPv4" : "an IPv6") backend, or mode fnat"
                )
            )
        case .tunnel:
            if let source = tunnel?.source, source.address.family != families.1 {
                problems.append(
                    problem(
                        .backend(index),
                        "is of another family than the tunnel's source \(source)",
                        endpoint.description,
                        nil
                    )
                )
            }
        default: break
        }
        let port = key.ports.single ?? 0
        if mode == .dr || mode == .tunnel, endpoint.port != port {
            problems.append(
                problem(
                    .backend(index),
                    "has another port than the service, which \(mode.rawValue) does not change",
                    endpoint.description,
                    port == 0 ? "no port: the one that clients ask" : "port \(port)"
                )
            )
        }
        return problems
    }

    private func problem(
        _ attribute: ModeProblem.Attribute,
        _ message: String,
        _ value: String?,
        _ accepted: String?,
        _ severity: Diagnostic.Severity = .error
    ) -> ModeProblem {
        ModeProblem(
            attribute: attribute,
            severity: severity,
            message: message,
            value: value,
            accepted: accepted
        )
    }
}
