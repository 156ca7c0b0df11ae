// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Model

/// What shall run when `files` are read while `running` runs.
///
/// Objects of files become what the files say; those of commands stay. Where both name the same
/// object, the file wins. Settings are the files'. What is the kernel's is not looked at: see
/// `withKernel`.
package func merge(files: DesiredState, running: DesiredState) -> DesiredState {
    DesiredState(
        settings: files.settings,
        vlans: merge(files.vlans, running.vlans, by: \.key, owner: \.owner),
        tunnels: merge(files.tunnels, running.tunnels, by: \.key, owner: \.owner),
        addresses: merge(files.addresses, running.addresses, by: \.key, owner: \.owner),
        routes: merge(files.routes, running.routes, by: \.key, owner: \.owner),
        neighbours: merge(files.neighbours, running.neighbours, by: \.key, owner: \.owner),
        services: merge(files.services, running.services, by: \.key, owner: \.owner)
    )
}

private func merge<Element, Key: Hashable>(
    _ files: [Element],
    _ running: [Element],
    by key: (Element) -> Key,
    owner: (Element) -> Owner
) -> [Element] {
    let named = Set(files.map(key))
    return files
        + running.filter { element in
            owner(element) == .runtime && !named.contains(key(element))
        }
}

extension DesiredState {
    /// What files and commands own, and nothing that the kernel says of it.
    package var withoutKernel: DesiredState {
        var state = self
        state.addresses.removeAll { $0.owner == .kernel }
        state.routes.removeAll { $0.owner == .kernel }
        state.neighbours.removeAll { $0.owner == .kernel }
        state.services.removeAll { $0.owner == .kernel }
        for index in state.addresses.indices { state.addresses[index].isInKernel = nil }
        return state
    }

    /// The same with the objects of `kernel` that nobody else names, in place of those
    /// that the kernel had before; addresses of others say whether the kernel has them, too.
    ///
    /// nil: what the kernel has is not known.
    package func withKernel(_ kernel: DesiredState?) -> DesiredState {
        var state = withoutKernel
        guard let kernel else { return state }
        let held = Set(kernel.addresses.map(\.prefix.address))
        for index in state.addresses.indices {
            state.addresses[index].isInKernel = held.contains(state.addresses[index].prefix.address)
        }
        let addresses = Set(state.addresses.map(\.key))
        let routes = Set(state.routes.map(\.key))
        let neighbours = Set(state.neighbours.map(\.key))
        state.addresses += kernel.addresses.filter { !addresses.contains($0.key) }
        state.routes += kernel.routes.filter { !routes.contains($0.key) }
        state.neighbours += kernel.neighbours.filter { !neighbours.contains($0.key) }
        return state
    }
}

/// Names that two services have: each file is good alone, but not beside what commands added.
func nameConflicts(in state: DesiredState) -> [Problem] {
    var first: [String: Service] = [:]
    var problems: [Problem] = []
    for service in state.services {
        guard let other = first[service.name] else {
            first[service.name] = service
            continue
        }
        problems.append(
            Problem(
                .error,
                "\(ServiceTitle(service)) of \(service.owner) has the name of "
                    + "\(ServiceTitle(other)) of \(other.owner)"
            )
        )
    }
    return problems
}
