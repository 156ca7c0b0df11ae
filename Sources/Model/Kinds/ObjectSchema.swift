// SPDX-License-Identifier: Apache-2.0

/// An object of a desired state that somebody owns and that has a name of its own.
///
/// Everything that treats objects alike, differences, ownership, drift, sentences, documentation,
/// works with what `schema` says: a new kind of object is a type with this description, a list in
/// `DesiredState` and a line in `DesiredState.kinds`.
package protocol ConfigurationObject: Equatable, Codable, Sendable {
    associatedtype Key: Hashable, Sendable, CustomStringConvertible

    /// What tells objects of the kind apart.
    var key: Key { get }
    var owner: Owner { get set }

    static var schema: ObjectSchema<Self> { get }
}

/// What there is to know of one kind of object.
package struct ObjectSchema<Object: ConfigurationObject>: Sendable {
    /// `service`.
    package let noun: String
    /// `services`.
    package let plural: String
    package let list: any WritableKeyPath<DesiredState, [Object]> & Sendable
    /// The stored properties that make the key.
    package let keyProperties: Set<String>
    /// `service web (tcp 10.0.0.100:80)`: at the head of what is said of it.
    package let title: @Sendable (Object) -> String
    /// The same with what a reader wants to know when it comes or goes.
    let introduction: @Sendable (Object) -> String
    /// ` with 2 backends`: said when it comes.
    let addition: @Sendable (Object) -> String
    /// Without the owner, which every kind has.
    package let fields: [Field<Object>]
    package let part: Part<Object>?
    /// Whether others of the state are there for its sake: it comes last and goes first.
    package let standsOnOthers: Bool

    package init(
        _ noun: String,
        plural: String,
        _ list: any WritableKeyPath<DesiredState, [Object]> & Sendable,
        key keyProperties: Set<String>,
        title: @escaping @Sendable (Object) -> String,
        introduction: (@Sendable (Object) -> String)? = nil,
        addition: @escaping @Sendable (Object) -> String = { _ in "" },
        fields: [Field<Object>],
        part: Part<Object>? = nil,
        standsOnOthers: Bool = false
    ) {
        self.noun = noun
        self.plural = plural
        self.list = list
        self.keyProperties = keyProperties
        self.title = title
        self.introduction = introduction ?? title
        self.addition = addition
        self.fields = fields
        self.part = part
        self.standsOnOthers = standsOnOthers
    }

    private func owner(_ old: Object, _ new: Object) -> FieldChange? {
        guard old.owner != new.owner else { return nil }
        return FieldChange(
            field: "owner",
            from: old.owner.description,
            to: new.owner.description
        )
    }

    /// What differs between two versions of an object, its parts left out.
    func fieldChanges(from old: Object, to new: Object) -> [FieldChange] {
        fields.compactMap { $0.change(from: old, to: new) }
            + (owner(old, new).map { [$0] } ?? [])
    }
}

/// Elements of an object that have keys of their own, as the backends of a service.
package struct Part<Object: Sendable>: Sendable {
    package let noun: String
    package let plural: String
    /// The stored property that holds them.
    package let property: String
    /// Names, properties and accepted values of the fields of one.
    package let fields: [(name: String, property: String, accepted: String)]
    let compare: @Sendable (_ old: Object, _ new: Object) -> PartDifference
    let isSame: @Sendable (Object, Object) -> Bool
    /// Gives the third what became of parts between the first and the second, and returns in words
    /// what it could not give because the third has something new there.
    let merge: @Sendable (_ base: Object, _ wanted: Object, _ theirs: inout Object) -> [String]

    /// `introduction` is said after the key when one comes: `weight 1`.
    package init<Element: Equatable & Sendable, Key: Hashable & Sendable & CustomStringConvertible>(
        _ noun: String,
        plural: String,
        _ property: String,
        _ list: any WritableKeyPath<Object, [Element]> & Sendable,
        by key: @escaping @Sendable (Element) -> Key,
        introduction: @escaping @Sendable (Element) -> String,
        fields: [Field<Element>]
    ) {
        self.noun = noun
        self.plural = plural
        self.property = property
        self.fields = fields.map { ($0.name, $0.property, $0.accepted) }
        isSame = { $0[keyPath: list] == $1[keyPath: list] }
        merge = Self.merging(noun, list, key, fields)
        compare = { old, new in
            let (old, new) = (old[keyPath: list], new[keyPath: list])
            let difference = ListDifference(from: old, to: new, by: key)
            return PartDifference(
                isReordered: difference.isReordered,
                added: difference.added.map { (key($0).description, introduction($0)) },
                changed: difference.changed.map { from, to in
                    (key(to).description, fields.compactMap { $0.change(from: from, to: to) })
                },
                removed: difference.removed.map { key($0).description }
            )
        }
    }
}

/// How the parts of two versions of an object differ, by their keys.
struct PartDifference {
    var isReordered = false
    var added: [(key: String, introduction: String)] = []
    var changed: [(key: String, fields: [FieldChange])] = []
    var removed: [String] = []
}

/// A kind of object whose type does not matter.
package protocol AnyObjectSchema: Sendable {
    var noun: String { get }
    var plural: String { get }
    var standsOnOthers: Bool { get }
    /// Names, properties and accepted values of fields, and of those of parts.
    var table: SchemaTable { get }

    /// What leads from one state to another: what comes or changes, and what goes.
    func changes(
        from old: DesiredState,
        to new: DesiredState
    ) -> (coming: [Change], going: [Change])

    /// Where `running` is not what `files` say.
    func drift(running: DesiredState, files: DesiredState) -> [DriftEntry]

    /// Puts the objects of `owner` in `running` behind those that `state` has, where `state` does
    /// not name them itself.
    func keep(_ owner: Owner, of running: DesiredState, in state: inout DesiredState)

    /// Takes the objects of an owner away.
    func remove(_ owner: Owner, from state: inout DesiredState)

    /// The objects that edits made, changed or removed.
    func edits(of layer: RuntimeLayer) -> [EditedObject]

    /// Lays edits over what the composition has, and keeps those in it that still count.
    func lay(_ layer: RuntimeLayer, into composition: inout Composition)

    /// Makes `owner` the owner of all objects.
    func give(to owner: Owner, in state: inout DesiredState)

    /// Takes objects away by the texts of their keys.
    func remove(_ keys: Set<String>, from state: inout DesiredState)
}

/// One kind of object, for people.
package struct SchemaTable: Sendable {
    package struct Row: Sendable {
        /// Of the object, or `backend` and the like of a part.
        package var of: String
        package var name: String
        package var accepted: String
    }

    package var noun: String
    package var rows: [Row]
}
