// SPDX-License-Identifier: Apache-2.0

/// A desired state that is remembered beside others and shares with them what they have in common.
///
/// A list of objects is a contiguous array, so two states that differ in one service are two whole
/// arrays. Here each object has a place of its own, and a state that follows another one names the
/// same places where the objects are the same: fifty generations of ten thousand services cost fifty
/// lists of references.
package struct KeptState: Sendable {
    private let settings: Settings
    /// By position in `DesiredState.kinds`.
    private let lists: [any KeptObjects]

    /// Remembers `state`; `earlier` is the state that most of it is like.
    package init(_ state: DesiredState, sharing earlier: KeptState? = nil) {
        settings = state.settings
        lists = DesiredState.kinds.enumerated()
            .map { index, kind in kind.kept(of: state, sharing: earlier?.lists[index]) }
    }

    /// The state as it was.
    package var state: DesiredState {
        var state = DesiredState(settings: settings)
        for (kind, list) in zip(DesiredState.kinds, lists) { kind.restore(list, in: &state) }
        return state
    }

    /// Objects that are not the same place as in `other`, for tests of what is shared.
    package func unsharedObjects(with other: KeptState) -> Int {
        zip(lists, other.lists).reduce(0) { $0 + $1.0.unshared(with: $1.1) }
    }
}

/// The objects of one kind in a state that is remembered.
package protocol KeptObjects: Sendable {
    func unshared(with other: any KeptObjects) -> Int
}

private struct KeptList<Object: ConfigurationObject>: KeptObjects {
    final class Place: Sendable {
        let object: Object

        init(_ object: Object) { self.object = object }
    }

    var places: [Place]

    func unshared(with other: any KeptObjects) -> Int {
        let others = (other as? Self)?.places ?? []
        let known = Set(others.map { ObjectIdentifier($0) })
        return places.count { !known.contains(ObjectIdentifier($0)) }
    }
}

extension ObjectSchema {
    package func kept(
        of state: DesiredState,
        sharing earlier: (any KeptObjects)?
    ) -> any KeptObjects {
        let known = earlier as? KeptList<Object> ?? KeptList(places: [])
        let objects = state[keyPath: list]
        // Made when some object is not where it was.
        var byKey: [Object.Key: KeptList<Object>.Place]?
        var isSame = known.places.count == objects.count
        var places: [KeptList<Object>.Place] = []
        places.reserveCapacity(objects.count)
        for (index, object) in objects.enumerated() {
            let there = index < known.places.count ? known.places[index] : nil
            if let there, there.object == object {
                places.append(there)
                continue
            }
            isSame = false
            if there?.object.key == object.key || known.places.isEmpty {
                places.append(KeptList<Object>.Place(object))
                continue
            }
            let all =
                byKey ?? Dictionary(known.places.map { ($0.object.key, $0) }) { first, _ in first }
            byKey = all
            let moved = all[object.key].flatMap { $0.object == object ? $0 : nil }
            places.append(moved ?? KeptList<Object>.Place(object))
        }
        return isSame ? known : KeptList(places: places)
    }

    package func restore(_ kept: any KeptObjects, in state: inout DesiredState) {
        guard let kept = kept as? KeptList<Object> else { return }
        state[keyPath: list] = kept.places.map(\.object)
    }
}
