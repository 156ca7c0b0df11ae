// SPDX-License-Identifier: Apache-2.0
import Model

extension Status {
    /// Services and their backends, as far as they were asked for.
    var serviceTable: String {
        var table = TextTable(
            .left("SERVICE / BACKEND"),
            .left("ADDRESS"),
            .left("SCHEDULER"),
            .right("WEIGHT"),
            .right("ACTIVE"),
            .right("INACTIVE"),
            .right("TOTAL")
        )
        for service in services {
            table.append(
                service.name + (service.isRemoved ? " (removed)" : ""),
                service.key.description,
                "\(service.scheduler.rawValue) \(service.mode.rawValue)",
                String(service.backends.reduce(0) { $0 + $1.weight }),
                Quantity.count(service.activeConnections),
                Quantity.count(service.backends.reduce(0) { $0 &+ $1.inactiveConnections }),
                Quantity.count(service.totalConnections)
            )
            for backend in service.backends {
                table.append(
                    "  \(backend.words)",
                    "  \(backend.endpoint)",
                    "",
                    String(backend.weight),
                    Quantity.count(backend.activeConnections),
                    Quantity.count(backend.inactiveConnections),
                    Quantity.count(backend.totalConnections)
                )
            }
        }
        return table.isEmpty ? "" : table.text()
    }

    /// How many there are of what, what is wrong, and how to see the rest.
    var serviceSummary: String {
        guard serviceTotals.services > 0 else { return "" }
        var lines = [counts]
        lines += services.compactMap { service in
            service.problem.map { "\(service.name): \($0)" }
        }
        if services.count < serviceTotals.listable { lines.append(page) }
        return lines.map { $0 + "\n" }.joined()
    }

    private var counts: String {
        let roles = [
            (serviceTotals.serving, "serving"), (serviceTotals.draining, "draining"),
            (serviceTotals.overloaded, "overloaded"), (serviceTotals.inhibited, "inhibited"),
            (serviceTotals.failed, "failed"),
            (serviceTotals.removed, "removed"),
        ]
        let words = roles.filter { $0.0 > 0 }.map { "\($0) \($1)" }.joined(separator: ", ")
        let problems = serviceTotals.problems
        return counted(serviceTotals.services, "service") + ", "
            + counted(serviceTotals.backends, "backend") + (words.isEmpty ? "" : ": \(words)")
            + (problems > 0 ? "; " + counted(problems, "service") + " with a problem" : "")
    }

    private var page: String {
        let next = serviceTotals.skipped + services.count
        let first = services.isEmpty ? 0 : serviceTotals.skipped + 1
        let shown = "services \(first) to \(next) of \(serviceTotals.listable) are listed; "
        return shown
            + (next < serviceTotals.listable ? "the next: --skip \(next); " : "")
            + "all: --all; some: --service NAME, --problems"
    }
}

extension BackendStatus {
    /// `failed: connection refused`, `draining, keeps its clients`.
    fileprivate var words: String {
        let clients = keepsClients ? ", keeps its clients" : ""
        guard let check, check.state != .healthy else { return role.rawValue + clients }
        switch (role, check.state) {
        case (.failed, .failed): return "failed: \(check.detail)"
        case (.failed, _): return "failed: no good answer yet"
        case (_, .failed): return "\(role.rawValue)\(clients), fails: \(check.detail)"
        default: return role.rawValue + clients
        }
    }
}
