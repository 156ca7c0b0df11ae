// SPDX-License-Identifier: Apache-2.0
import Model

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
                "\(service.title) of \(service.owner) has the name of "
                    + "\(other.title) of \(other.owner)"
            )
        )
    }
    return problems
}
