// SPDX-License-Identifier: Apache-2.0
package import Model
import YAML

/// Edits as a document: what files said of the objects that were edited, and what is wanted of them.
///
///     version: 1
///     base: { services: ... }
///     wanted: { services: ... }
///     complete: true
package struct EditFile: Sendable {
    /// Octets: several times what edits of ten thousand services need.
    package static let largest = 256 << 20

    package private(set) var layer = RuntimeLayer()
    package private(set) var diagnostics: [Diagnostic] = []

    private static let version = "1"

    /// Reads a document; what is wrong with it is in `diagnostics`, and there are no edits then.
    package init(_ bytes: [UInt8], path: String) {
        let root: YAMLNode?
        do throws(YAMLError) {
            root = try readYAML(bytes)
        } catch {
            report(path, error.place, error.message)
            return
        }
        guard let root, root.value(of: "version")?.text == Self.version else {
            let place = root?.place ?? .init(line: 1, column: 1)
            report(path, place, "is no file of edits of version \(Self.version)")
            return
        }
        guard let baseNode = root.value(of: "base"), let wantedNode = root.value(of: "wanted"),
            root.value(of: "complete")?.text == "true"
        else {
            report(path, root.place, "is cut off: its last line is 'complete: true'")
            return
        }
        let base = ServiceFile(baseNode, path: path)
        let wanted = ServiceFile(wantedNode, path: path)
        diagnostics += base.diagnostics + wanted.diagnostics
        guard diagnostics.isEmpty else { return }
        layer = RuntimeLayer(
            base: base.objects.state(with: Settings()),
            wanted: wanted.objects.state(with: Settings())
        )
    }

    private mutating func report(_ path: String, _ place: YAMLNode.Place, _ message: String) {
        let location = ObjectReader.location(path, place)
        diagnostics.append(Diagnostic(.error, at: location, path: "", message))
    }

    package static func text(of layer: RuntimeLayer) -> String {
        let writer = ServiceFileWriter(showsSecrets: true)
        return writeYAML(
            .mapping([
                ("version", .plain(version)), ("base", writer.document(of: layer.base)),
                ("wanted", writer.document(of: layer.wanted)), ("complete", .plain(true)),
            ])
        )
    }
}
