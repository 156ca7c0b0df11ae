// SPDX-License-Identifier: Apache-2.0

/// What is the same for every kind.
extension ObjectSchema: AnyObjectSchema {
    package var table: SchemaTable {
        SchemaTable(
            noun: noun,
            rows: fields.map { .init(of: noun, name: $0.name, accepted: $0.accepted) }
                + (part.map { part in
                    part.fields.map { .init(of: part.noun, name: $0.name, accepted: $0.accepted) }
                } ?? [])
        )
    }

    // MARK: - Changes

    package func changes(
        from old: DesiredState,
        to new: DesiredState
    ) -> (coming: [Change], going: [Change]) {
        let (old, new) = (old[keyPath: list], new[keyPath: list])
        let difference = ListDifference(from: old, to: new, by: \.key)
        var coming: [Change] = []
        if difference.isReordered {
            coming.append(Change(.init(kind: noun, key: "", title: plural), .reordered))
        }
        let added = difference.added.map { Change(subject($0, introduction), .added(addition($0))) }
        let changed = difference.changed.flatMap(changes)
        let going = difference.removed.map { Change(subject($0, introduction), .removed) }
        coming += standsOnOthers ? changed + added : added + changed
        return (coming, going)
    }

    private func subject(_ object: Object, _ title: (Object) -> String) -> Change.Subject {
        Change.Subject(kind: noun, key: object.key.description, title: title(object))
    }

    /// New parts come before old ones go, so that a service never has no backend in between.
    private func changes(from old: Object, to new: Object) -> [Change] {
        let own = fieldChanges(from: old, to: new)
        var result = own.isEmpty ? [] : [Change(subject(old, title), .changed(own))]
        guard let part else { return result }
        let difference = part.compare(old, new)
        let head = title(new)
        func change(_ key: String, _ verb: Change.Verb) -> Change {
            let name = key.isEmpty ? part.plural : "\(part.noun) \(key)"
            let subject = Change.Subject(
                kind: part.noun,
                key: key,
                title: "\(head): \(name)",
                isPart: true
            )
            return Change(subject, verb)
        }
        if difference.isReordered { result.append(change("", .reordered)) }
        result += difference.added.map { change($0.key, .added(" \($0.introduction)")) }
        result += difference.changed.map { change($0.key, .changed($0.fields)) }
        result += difference.removed.map { change($0, .removed) }
        return result
    }

    // MARK: - Drift

    package func drift(running: DesiredState, files: DesiredState) -> [DriftEntry] {
        let (running, files) = (running[keyPath: list], files[keyPath: list])
        let difference = ListDifference(from: files, to: running, by: \.key)
        func entry(_ object: Object, _ kind: DriftEntry.Kind, _ detail: String) -> DriftEntry {
            DriftEntry(
                object: "\(noun) \(object.key)",
                kind: kind,
                owner: object.owner,
                detail: detail
            )
        }
        return difference.removed.map { entry($0, .missing, "in the files, not running") }
            + difference.added.map { entry($0, .extra, "running, not in the files") }
            + difference.changed.map { entry($0.to, .different, detail($0.from, $0.to)) }
    }

    private func detail(_ files: Object, _ running: Object) -> String {
        var words = fieldChanges(from: files, to: running).map(\.description)
        if let part {
            let difference = part.compare(files, running)
            words += difference.removed.map { "\(part.noun) \($0) missing" }
            words += difference.added.map { "\(part.noun) \($0.key) extra" }
            words += difference.changed.map { key, fields in
                "\(part.noun) \(key) " + fields.map(\.description).joined(separator: ", ")
            }
            if difference.isReordered { words.append("\(part.plural) reordered") }
        }
        return words.joined(separator: ", ")
    }

    // MARK: - Ownership

    package func keep(_ owner: Owner, of running: DesiredState, in state: inout DesiredState) {
        let kept = running[keyPath: list].filter { $0.owner == owner }
        guard !kept.isEmpty else { return }
        let named = Set(state[keyPath: list].map(\.key))
        state[keyPath: list] += kept.filter { !named.contains($0.key) }
    }

    package func remove(_ owner: Owner, from state: inout DesiredState) {
        // Most states have none, and a list that is not written to stays shared.
        guard state[keyPath: list].contains(where: { $0.owner == owner }) else { return }
        state[keyPath: list].removeAll { $0.owner == owner }
    }
}
