// SPDX-License-Identifier: Apache-2.0
package import Model
import YAML

/// Edits that are applied together, as a request or a person writes them: YAML, which JSON is, too.
///
///     edits:
///       - set: { service: { name: web, scheduler: wlc } }
///       - put: { backend: { service: web, address: 10.0.1.3, port: 8080, weight: 5 } }
///
/// Objects are written as in service files. Of one that is there, an edit says what is to be changed
/// (RFC 7396: null brings the default back, a list takes the place of the list).
package struct EditBatch: Sendable {
    /// What an edit does.
    package enum Verb: String, CaseIterable, Sendable {
        /// Makes an object that is not there.
        case add
        /// Changes one that is there.
        case set
        /// Does what fits.
        case put
        /// Takes one away that is there.
        case remove
    }

    struct Edit {
        var verb: Verb
        var kind: String
        var node: YAMLNode
        /// `edits[0].set.service`.
        var path: String
    }

    /// Whose edits they are: the file in complaints.
    let name: String
    private(set) var edits: [Edit] = []
    package private(set) var diagnostics: [Diagnostic] = []

    /// Reads a batch; what it says of objects is read when it is applied.
    package init(_ bytes: [UInt8], name: String) {
        self.name = name
        do throws(YAMLError) {
            read(try readYAML(bytes))
        } catch {
            report(error.place, "", error.message)
        }
    }

    private mutating func read(_ root: YAMLNode?) {
        let place = root?.place ?? .init(line: 1, column: 1)
        guard let root, case .mapping(let pairs) = root.content else {
            let accepted = "a mapping with edits, a list"
            report(place, "", "is \(root?.kind ?? "nothing")", root?.text, accepted)
            return
        }
        for (key, _) in pairs where key.text != "edits" {
            report(key.place, "", "is no key of a batch of edits", key.text, "edits")
        }
        guard let list = root.value(of: "edits"), case .sequence(let items) = list.content else {
            report(
                root.value(of: "edits")?.place ?? place,
                "edits",
                "is no list",
                nil,
                "a list of edits"
            )
            return
        }
        for (index, item) in items.enumerated() { read(item, "edits[\(index)]") }
    }

    private mutating func read(_ node: YAMLNode, _ path: String) {
        let verbs = Verb.allCases.map(\.rawValue)
        guard let (verb, inner) = only(in: node, path, "a verb", verbs) else { return }
        let kinds = EditableKinds.words
        guard let (kind, object) = only(in: inner, "\(path).\(verb)", "a kind", kinds) else {
            return
        }
        guard let verb = Verb(rawValue: verb) else { return }
        let path = "\(path).\(verb.rawValue).\(kind)"
        edits.append(Edit(verb: verb, kind: kind, node: object, path: path))
    }

    /// The one pair of a mapping that has one of `words` as its key.
    private mutating func only(
        in node: YAMLNode,
        _ path: String,
        _ what: String,
        _ words: [String]
    ) -> (String, YAMLNode)? {
        let accepted = words.joined(separator: ", ")
        guard let (key, value) = node.fields.first, node.fields.count == 1 else {
            report(node.place, path, "is not a mapping of \(what)", node.text, "one of \(accepted)")
            return nil
        }
        let word = key.text ?? ""
        guard words.contains(word) else {
            report(
                key.place,
                path,
                "is no \(what.dropFirst(2)) of edits",
                word,
                accepted,
                nearest(to: word, in: words)
            )
            return nil
        }
        return (word, value)
    }

    private mutating func report(
        _ place: YAMLNode.Place,
        _ path: String,
        _ message: String,
        _ value: String? = nil,
        _ accepted: String? = nil,
        _ suggestion: String? = nil
    ) {
        diagnostics.append(
            Diagnostic(
                .error,
                at: ObjectReader.location(name, place),
                path: path,
                message,
                value: value,
                accepted: accepted,
                suggestion: suggestion
            )
        )
    }

    /// The edits that count when these come on top of `layer`, which lies over `files`.
    ///
    /// Means something only when there are no diagnostics, of the batch or here.
    package func applied(
        to layer: RuntimeLayer,
        over files: DesiredState
    ) -> (layer: RuntimeLayer, places: PlacedObjects, diagnostics: [Diagnostic]) {
        var editor = Editor(layer: layer, files: files, request: name)
        editor.diagnostics = diagnostics
        for edit in edits where editor.diagnostics.count < ServiceFile.mostDiagnostics {
            editor.apply(edit)
        }
        let problems = editor.diagnostics.sorted {
            ($0.location.line, $0.location.column) < ($1.location.line, $1.location.column)
        }
        return (editor.layer, editor.places, problems)
    }
}
