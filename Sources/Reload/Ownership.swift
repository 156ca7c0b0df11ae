// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Model

/// What shall run when `files` are read while `running` runs.
///
/// Objects of files become what the files say; those of commands and of the kernel stay. Where both
/// name the same object, the file wins. Settings are the files'.
package func merge(files: DesiredState, running: DesiredState) -> DesiredState {
    DesiredState(
        settings: files.settings,
        addresses: merge(files.addresses, running.addresses, by: \.key, owner: \.owner),
        routes: merge(files.routes, running.routes, by: \.key, owner: \.owner),
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
            if case .file = owner(element) { return false }
            return !named.contains(key(element))
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
