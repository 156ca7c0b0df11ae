// SPDX-License-Identifier: Apache-2.0

/// The objects of one kind while a batch is applied: what files say of them, and what edits want.
///
/// A batch may edit ten thousand objects of as many, so from the ninth question on they are found by
/// tables.
package struct EditDesk<Object: ConfigurationObject>: Sendable {
    private let files: [Object]
    private var base: [Object.Key: Object]
    private var wanted: [Object.Key: Object]
    /// Of what is edited, in the order in which it was.
    private var order: [Object.Key]
    private var edited: Set<Object.Key>
    private var questions = 0
    /// What files say, once there were enough questions.
    private var table: [Object.Key: Object]?

    private static var fewQuestions: Int { 8 }

    package init(_ layer: RuntimeLayer, files: [Object]) {
        let list = Object.schema.list
        self.files = files
        base = Dictionary(layer.base[keyPath: list].map { ($0.key, $0) }) { first, _ in first }
        wanted = Dictionary(layer.wanted[keyPath: list].map { ($0.key, $0) }) { first, _ in first }
        order = layer.wanted[keyPath: list].map(\.key)
        order += layer.base[keyPath: list].map(\.key).filter { [wanted] in wanted[$0] == nil }
        edited = Set(order)
    }

    /// What files say of an object.
    private mutating func theirs(_ key: Object.Key) -> Object? {
        questions += 1
        if let table { return table[key] }
        guard questions > Self.fewQuestions else { return files.first { $0.key == key } }
        let made = Dictionary(files.map { ($0.key, $0) }) { first, _ in first }
        table = made
        return made[key]
    }

    /// The object as it is wanted; nil: there is none.
    package mutating func object(_ key: Object.Key) -> Object? {
        if let wanted = wanted[key] { return wanted }
        return base[key] == nil ? theirs(key) : nil
    }

    /// All that are wanted.
    package var objects: [Object] {
        order.compactMap { wanted[$0] } + files.filter { !edited.contains($0.key) }
    }

    /// Makes `object` what is wanted; its owner becomes the file's, where a file has it.
    ///
    /// - Returns: the object with its owner.
    package mutating func put(_ object: Object) -> Object {
        var object = object
        let theirs = theirs(object.key)
        object.owner = theirs?.owner ?? .runtime
        note(object.key, base: theirs, wanted: object)
        return object
    }

    /// Makes nothing of the object what is wanted.
    package mutating func remove(_ key: Object.Key) { note(key, base: theirs(key), wanted: nil) }

    private mutating func note(_ key: Object.Key, base: Object?, wanted: Object?) {
        if edited.insert(key).inserted { order.append(key) }
        self.base[key] = base
        self.wanted[key] = wanted
    }

    /// Leaves the edits in `layer`; those that make what files say are none.
    package func leave(in layer: inout RuntimeLayer) {
        layer.take(order.map { (base: base[$0], wanted: wanted[$0]) })
    }
}
