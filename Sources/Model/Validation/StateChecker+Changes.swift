// SPDX-License-Identifier: Apache-2.0

/// Checks of a state that is little else than one that was checked before.
extension StateChecker {
    /// What is to be said of `state` when it differs from this one, which has no errors, only in
    /// services that are still found by the same and have the same names; nil when more differs.
    ///
    /// Whatever takes several objects to see is then as it was, and the surroundings are the same.
    package func diagnostics(of state: DesiredState, edits: PlacedObjects) -> [Diagnostic]? {
        guard let changed = changedServices(in: state) else { return nil }
        let places = Dictionary(edits.services.map { ($0.value.key, $0) }) { $1 }
        var checker = self
        checker.forget()
        for service in changed {
            let place = places[service.key]
            let located = place.flatMap { $0.value == service ? $0 : nil }
            checker.check(located ?? Located(service, path: service.title, at: .runtime))
        }
        return checker.diagnostics
    }

    private func changedServices(in state: DesiredState) -> [Service]? {
        let others = objects.state(with: settings, services: [])
        var rest = state
        rest.services = []
        guard rest == others, state.services.count == objects.services.count else { return nil }
        var changed: [Service] = []
        for (old, new) in zip(objects.services, state.services) where old.value != new {
            guard old.value.key == new.key, old.value.name == new.name else { return nil }
            changed.append(new)
        }
        return changed
    }
}
