// SPDX-License-Identifier: Apache-2.0

/// Edits over files, for every kind alike.
extension ObjectSchema {
    /// Whether nothing but the owner differs.
    func isSame(_ left: Object, _ right: Object) -> Bool {
        fields.allSatisfy { $0.isSame(left, right) } && part?.isSame(left, right) ?? true
    }

    package func edits(of layer: RuntimeLayer) -> [EditedObject] {
        let (base, wanted) = (layer.base[keyPath: list], layer.wanted[keyPath: list])
        let bases = byKey(base)
        let kept = Set(wanted.map(\.key))
        func edit(_ object: Object, _ deed: EditedObject.Deed, _ files: Object?) -> EditedObject {
            EditedObject(
                kind: plural,
                key: object.key.description,
                title: title(object),
                deed: deed,
                file: files?.owner.description
            )
        }
        return wanted.map { edit($0, bases[$0.key] == nil ? .added : .changed, bases[$0.key]) }
            + base.filter { !kept.contains($0.key) }.map { edit($0, .removed, $0) }
    }

    package func remove(_ keys: Set<String>, from state: inout DesiredState) {
        guard !keys.isEmpty else { return }
        state[keyPath: list].removeAll { keys.contains($0.key.description) }
    }

    package func give(to owner: Owner, in state: inout DesiredState) {
        for index in state[keyPath: list].indices { state[keyPath: list][index].owner = owner }
    }

    package func lay(_ layer: RuntimeLayer, into composition: inout Composition) {
        let (base, wanted) = (layer.base[keyPath: list], layer.wanted[keyPath: list])
        guard !base.isEmpty || !wanted.isEmpty else { return }
        let (bases, wants) = (byKey(base), byKey(wanted))
        var objects = composition.state[keyPath: list]
        let edited = wanted.map(\.key) + base.map(\.key).filter { wants[$0] == nil }
        let places = places(of: edited, in: objects)
        var gone: Set<Object.Key> = []
        for key in edited {
            let theirs = places[key].map { objects[$0] }
            let merged = merge(bases[key], wants[key], theirs, &composition.overruled)
            if let place = places[key] {
                if let merged { objects[place] = merged } else { gone.insert(key) }
            } else if let merged {
                objects.append(merged)
            }
            if merged != theirs { composition.layer.keep(base: theirs, wanted: merged) }
        }
        if !gone.isEmpty { objects.removeAll { gone.contains($0.key) } }
        composition.state[keyPath: list] = objects
    }

    /// Where the objects with some keys stand, those that are there.
    private func places(of keys: [Object.Key], in objects: [Object]) -> [Object.Key: Int] {
        // Comparing a few keys with all is faster than hashing all.
        guard keys.count > Self.fewKeys else {
            let found = keys.compactMap { key in
                objects.firstIndex { $0.key == key }.map { (key, $0) }
            }
            return Dictionary(found) { first, _ in first }
        }
        let wanted = Set(keys)
        let found = objects.enumerated().filter { wanted.contains($0.element.key) }
        return Dictionary(found.map { ($0.element.key, $0.offset) }) { first, _ in first }
    }

    private static var fewKeys: Int { 8 }

    private func byKey(_ objects: [Object]) -> [Object.Key: Object] {
        Dictionary(objects.map { ($0.key, $0) }) { first, _ in first }
    }

    /// What becomes of one object: `base` is what files said when it was edited, `wanted` what the
    /// edits made of it, `theirs` what files say now.
    private func merge(
        _ base: Object?,
        _ wanted: Object?,
        _ theirs: Object?,
        _ overruled: inout [String]
    ) -> Object? {
        switch (base, wanted, theirs) {
        case (nil, let wanted, nil): return wanted
        case (nil, let wanted?, let theirs?):
            if !isSame(wanted, theirs) {
                overruled.append(
                    "\(title(theirs)) now stands in \(theirs.owner), which counts instead of what "
                        + "edits had added"
                )
            }
            return theirs
        case (let base?, nil, let theirs?):
            if isSame(base, theirs) { return nil }
            overruled.append(
                "\(theirs.owner) says something new about \(title(theirs)): the edit that removed it "
                    + "is dropped"
            )
            return theirs
        case (_?, let wanted?, nil):
            overruled.append("\(title(wanted)) is in no file any more: its edits are dropped")
            return nil
        case (let base?, let wanted?, let theirs?):
            return merge(base, wanted, theirs, &overruled)
        case (_, nil, nil), (nil, nil, _): return theirs
        }
    }

    private func merge(
        _ base: Object,
        _ wanted: Object,
        _ theirs: Object,
        _ overruled: inout [String]
    ) -> Object {
        var merged = theirs
        var lost: [String] = []
        for field in fields where !field.carry(from: base, to: wanted, into: &merged) {
            lost.append(field.name)
        }
        lost += part?.merge(base, wanted, &merged) ?? []
        overruled += lost.map { field in
            "\(theirs.owner) says something new about \(field) of \(title(theirs)): the edit of it is "
                + "dropped"
        }
        return merged
    }
}

extension Field {
    /// Gives `target` what became of the field between `base` and `wanted`.
    ///
    /// False, and nothing is given, when the target has something else there than `base`.
    func carry(from base: Object, to wanted: Object, into target: inout Object) -> Bool {
        if isSame(base, wanted) || isSame(wanted, target) { return true }
        guard isSame(base, target) else { return false }
        take(from: wanted, into: &target)
        return true
    }
}

extension Part {
    /// The closure of `Part.merge` for elements of one type: returns what could not be carried over,
    /// in words.
    static func merging<
        Element: Equatable & Sendable,
        Key: Hashable & Sendable & CustomStringConvertible
    >(
        _ noun: String,
        _ list: any WritableKeyPath<Object, [Element]> & Sendable,
        _ key: @escaping @Sendable (Element) -> Key,
        _ fields: [Field<Element>]
    ) -> @Sendable (_ base: Object, _ wanted: Object, _ theirs: inout Object) -> [String] {
        { base, wanted, theirs in
            let before = Dictionary(base[keyPath: list].map { (key($0), $0) }) { first, _ in first }
            let after = Dictionary(wanted[keyPath: list].map { (key($0), $0) }) { first, _ in first
            }
            var lost: [String] = []
            var result: [Element] = []
            var known: Set<Key> = []
            for element in theirs[keyPath: list] {
                let name = key(element)
                known.insert(name)
                switch (before[name], after[name]) {
                case (let old?, let new?):
                    var merged = element
                    lost +=
                        fields.filter { !$0.carry(from: old, to: new, into: &merged) }
                        .map { "\($0.name) of \(noun) \(name)" }
                    result.append(merged)
                case (let old?, nil):
                    // Removed by an edit, unless the file says something new about it.
                    if old == element { continue }
                    lost.append("\(noun) \(name)")
                    result.append(element)
                case (nil, let new):
                    if let new, new != element { lost.append("\(noun) \(name)") }
                    result.append(element)
                }
            }
            for element in wanted[keyPath: list] where !known.contains(key(element)) {
                if let old = before[key(element)] {
                    // The file has taken it away; an edit of it has nothing to lie on.
                    if old != element { lost.append("\(noun) \(key(element))") }
                } else {
                    result.append(element)
                }
            }
            theirs[keyPath: list] = result
            return lost
        }
    }
}
