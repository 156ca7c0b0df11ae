// SPDX-License-Identifier: Apache-2.0

/// What edits made of objects: the layer between what files say and what the kernel has.
///
/// An object that was edited is here twice: as files had it then, and as it is wanted since. One that
/// is only in `base` was removed, one that is only in `wanted` was added. So laying the edits over
/// what files say now is a merge of three, field by field and backend by backend: what an edit
/// changed counts until the files say something new about the same field.
package struct RuntimeLayer: Equatable, Codable, Sendable {
    package private(set) var base = DesiredState()
    package private(set) var wanted = DesiredState()

    /// No edits.
    package init() {}

    /// Edits that were remembered; whose the objects are is known when they are laid over files.
    package init(base: DesiredState, wanted: DesiredState) {
        (self.base, self.wanted) = (base, wanted)
        for kind in DesiredState.kinds {
            kind.give(to: .runtime, in: &self.base)
            kind.give(to: .runtime, in: &self.wanted)
        }
    }

    package var isEmpty: Bool { self == RuntimeLayer() }

    /// The objects that edits made, changed or removed.
    package var edits: [EditedObject] { DesiredState.kinds.flatMap { $0.edits(of: self) } }

    /// What runs when these edits lie over what `files` say.
    package func laid(over files: DesiredState) -> Composition {
        var composition = Composition(state: files)
        for kind in DesiredState.kinds { kind.lay(self, into: &composition) }
        return composition
    }

    /// The same without the edits that `isDropped` says yes to.
    package func dropping(_ isDropped: (EditedObject) -> Bool) -> RuntimeLayer {
        let dropped = Dictionary(grouping: edits.filter(isDropped), by: \.kind)
        var layer = self
        for kind in DesiredState.kinds {
            let keys = Set(dropped[kind.plural, default: []].map(\.key))
            kind.remove(keys, from: &layer.base)
            kind.remove(keys, from: &layer.wanted)
        }
        return layer
    }

    /// Makes these the edits of their kind: what files say, and what is wanted; the same is no edit.
    mutating func take<Object: ConfigurationObject>(
        _ edits: [(base: Object?, wanted: Object?)]
    ) {
        let list = Object.schema.list
        let real = edits.filter { edit in
            guard let base = edit.base, let wanted = edit.wanted else { return true }
            return !Object.schema.isSame(base, wanted)
        }
        base[keyPath: list] = real.compactMap(\.base)
        wanted[keyPath: list] = real.compactMap(\.wanted)
    }

    mutating func keep<Object: ConfigurationObject>(base: Object?, wanted: Object?) {
        let list = Object.schema.list
        if let base { self.base[keyPath: list].append(base) }
        if let wanted { self.wanted[keyPath: list].append(wanted) }
    }
}

/// What files and edits make together.
package struct Composition: Equatable, Sendable {
    /// Without what the kernel has.
    package var state: DesiredState
    /// The edits that still count, with the files as they are now below them.
    package var layer = RuntimeLayer()
    /// Where files said something new about what an edit had changed: a sentence each.
    package var overruled: [String] = []

    init(state: DesiredState) { self.state = state }
}

/// An object, and what edits did to it.
package struct EditedObject: Equatable, Codable, Sendable {
    package enum Deed: String, Codable, Sendable {
        case added, changed, removed
    }

    /// `services`: kinds by their plural.
    package var kind: String
    /// `tcp 10.0.0.100:80`.
    package var key: String
    /// `service web (tcp 10.0.0.100:80)`.
    package var title: String
    package var deed: Deed
    /// The file that has the object; nil: no file has.
    package var file: String?
}
