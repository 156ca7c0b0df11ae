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
    private let state = Mutex(State())

    private struct State {
        /// What was in the file at the start.
        var octets: [UInt8] = []
        /// What is in the file.
        var written = RuntimeLayer()
        /// What is still to be written.
        var pending: RuntimeLayer?
        /// Of the last writing.
        var cost = Duration.zero
    }

    /// Held while the file is being written; edits that come meanwhile only say what is pending.
    private let writing = Mutex(())

    /// A writing that takes longer does not hold up edits: it comes with the next round of housekeeping.
    private static let cheap = Duration.milliseconds(5)

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
            state.withLock { ($0.written, $0.octets) = (file.layer, bytes) }
            return (file.layer, nil)
        }
        return (RuntimeLayer(), problem.description)
    }

    /// Remembers the edits if `settings` want that, and returns what prevents it.
    ///
    /// At once or, where many edits make a large file, within a second: see `flush`.
    func keep(_ layer: RuntimeLayer, _ settings: Settings) -> Problem? {
        let isKept = settings.isOn("global_defs.keep_edits")
        let isDue = state.withLock { state in
            state.pending = isKept ? layer : RuntimeLayer()
            return state.cost <= Self.cheap
        }
        return isDue ? flush() : nil
    }

    /// Writes what is still to be written; returns what prevents it.
    @discardableResult
    func flush() -> Problem? {
        writing.withLock { _ in
            let (pending, written) = state.withLock { ($0.pending, $0.written) }
            guard let pending else { return nil }
            let start = ContinuousClock.now
            do throws(LinuxError) {
                if pending != written { try write(pending) }
            } catch {
                return Problem(.warning, "edits would not outlive the process: \(error)")
            }
            state.withLock { state in
                (state.written, state.cost) = (pending, .now - start)
                if state.pending == pending { state.pending = nil }
            }
            return nil
        }
    }

    /// Without edits there is no file.
    private func write(_ layer: RuntimeLayer) throws(LinuxError) {
        guard !layer.isEmpty else {
            Files.remove(path)
            return
        }
        var file = try FileReplacement(of: path)
        try file.append(Array(EditFile.text(of: layer).utf8))
        try file.commit()
    }

    /// Keeps what was in the file at the start where somebody may look at it.
    func keepRejected() { try? Files.write(state.withLock { $0.octets }, to: rejectedPath) }

    /// Puts a file aside that cannot be used, so that somebody may look at it.
    func setAside() { try? Files.move(path, to: rejectedPath) }

    var rejectedPath: String { path + ".rejected" }
}
