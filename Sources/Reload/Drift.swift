// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Model

/// Where `running` is not what `files` say: settings, interfaces, addresses, routes, neighbours, services, in this order.
///
/// What the kernel owns follows the kernel and has not drifted. `settingsOwner` is the file of the settings.
package func drift(
    running: DesiredState,
    files: DesiredState,
    settingsOwner: Owner = .file("dpvs.conf")
) -> [DriftEntry] {
    let running = running.withoutKernel
    let settings = changes(
        from: DesiredState(settings: files.settings),
        to: DesiredState(settings: running.settings)
    )
    return settings.map {
        DriftEntry(
            object: "settings",
            kind: .different,
            owner: settingsOwner,
            detail: $0.description
        )
    }
        + drift(of: "interface", running.vlans, files.vlans, \.key, \.owner) {
            $1.differences(from: $0)
        }
        + drift(of: "interface", running.tunnels, files.tunnels, \.key, \.owner) {
            $1.differences(from: $0)
        }
        + drift(of: "address", running.addresses, files.addresses, \.key, \.owner) {
            $1.differences(from: $0)
        }
        + drift(of: "route", running.routes, files.routes, \.key, \.owner) {
            $1.differences(from: $0)
        }
        + drift(of: "neighbour", running.neighbours, files.neighbours, \.key, \.owner) {
            $1.differences(from: $0)
        }
        + drift(of: "service", running.services, files.services, \.key, \.owner) {
            $1.differences(from: $0) + backendDifferences(from: $0, to: $1)
        }
}

private func drift<Element: Equatable, Key: Hashable & CustomStringConvertible>(
    of kind: String,
    _ running: [Element],
    _ files: [Element],
    _ key: (Element) -> Key,
    _ owner: (Element) -> Owner,
    differences: (Element, Element) -> [String]
) -> [DriftEntry] {
    let difference = ListDifference(from: files, to: running, by: key)
    func entry(_ element: Element, _ what: DriftEntry.Kind, _ detail: String) -> DriftEntry {
        DriftEntry(
            object: "\(kind) \(key(element))",
            kind: what,
            owner: owner(element),
            detail: detail
        )
    }
    return difference.removed.map { entry($0, .missing, "in the files, not running") }
        + difference.added.map { entry($0.element, .extra, "running, not in the files") }
        + difference.changed.map {
            entry($0.to, .different, differences($0.from, $0.to).joined(separator: ", "))
        }
}

private func backendDifferences(from files: Service, to running: Service) -> [String] {
    let backends = ListDifference(from: files.backends, to: running.backends, by: \.endpoint)
    var result = backends.removed.map { "backend \($0.endpoint) missing" }
    result += backends.added.map { "backend \($0.element.endpoint) extra" }
    result += backends.changed.map {
        "backend \($0.to.endpoint) "
            + $0.to.differences(from: $0.from).joined(separator: ", ")
    }
    if backends.reordered != nil { result.append("backends reordered") }
    return result
}
