// SPDX-License-Identifier: Apache-2.0
import ConfigurationFiles
import Linux
import Model
import Synchronization

/// The file in which edits outlive the process: a YAML document of what files said of the objects
/// that were edited, and what is wanted of them since.
///
/// Only its owner may read it, for keys of QUIC-LB are in it.
final class RuntimeFile: Sendable {
    let path: String
    private let written = Mutex(RuntimeLayer())

    init(in directory: String) { path = directory + "/edits.yaml" }

    /// Edits of the run before, and what is to be said of a file that makes no sense.
    func read() -> (layer: RuntimeLayer, problem: String?) {
        let bytes: [UInt8]
        do {
            bytes = try Files.read(path, limit: EditFile.largest)
        } catch {
            return (RuntimeLayer(), error.isMissing ? nil : "\(error)")
        }
        let file = EditFile(bytes, path: path)
        guard let problem = file.diagnostics.first else {
            written.withLock { $0 = file.layer }
            return (file.layer, nil)
        }
        return (RuntimeLayer(), problem.description)
    }

    /// Writes what changed since the last time; without edits there is no file.
    func write(_ layer: RuntimeLayer) throws(LinuxError) {
        guard written.withLock({ $0 != layer }) else { return }
        if layer.isEmpty {
            Files.remove(path)
        } else {
            var file = try FileReplacement(of: path)
            try file.append(Array(EditFile.text(of: layer).utf8))
            try file.commit()
        }
        written.withLock { $0 = layer }
    }

    /// The same when `settings` want it; returns what prevents it.
    func keep(_ layer: RuntimeLayer, _ settings: Settings) -> Problem? {
        do {
            let isKept = settings.isOn("global_defs.keep_edits")
            try write(isKept ? layer : RuntimeLayer())
            return nil
        } catch {
            return Problem(.warning, "edits would not outlive the process: \(error)")
        }
    }

    /// Puts a file aside that cannot be used, so that somebody may look at it.
    func setAside() { try? Files.move(path, to: rejectedPath) }

    var rejectedPath: String { path + ".rejected" }
}
