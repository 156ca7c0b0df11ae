// SPDX-License-Identifier: Apache-2.0
import ConfigurationFiles
import Control
import ControlServer
import Model
import Reload

/// Edits on top of what files say.
extension DaemonBackend {
    func runtimeLayer() async -> RuntimeLayer { await reloader.runtimeLayer }

    func edit(_ request: EditRequest) async throws(ProblemDetails) -> ReloadReport {
        let batch = EditBatch(request.batch, name: request.name)
        return try await edit("edit", at: request.generation, isDryRun: request.isDryRun) {
            let result = batch.applied(to: $0, over: $1)
            return EditResult(
                layer: result.layer,
                places: result.places,
                problems: result.diagnostics.map(Problem.init)
            )
        }
    }

    func edit<Outcome: Sendable>(
        _ change: @Sendable @escaping (inout ServiceDraft) throws -> Outcome
    ) async throws -> (Outcome, ReloadReport?) {
        try await reloader.edit(reason: "edit", change)
    }

    func revert(
        _ objects: [String]?,
        isDryRun: Bool
    ) async throws(ProblemDetails) -> ReloadReport {
        let edits = await reloader.runtimeLayer.edits
        for object in objects ?? [] where !edits.contains(where: { $0.isCalled(object) }) {
            throw ProblemDetails(
                .notFound,
                "nothing was edited that is called '\(object)'; edited: \(edits.names)"
            )
        }
        return try await edit("revert", isDryRun: isDryRun) { layer, _ in
            EditResult(layer: layer.dropping { objects?.contains(where: $0.isCalled) ?? true })
        }
    }

    private func edit(
        _ reason: String,
        at generation: UInt64? = nil,
        isDryRun: Bool,
        _ make: @Sendable @escaping (RuntimeLayer, DesiredState) -> EditResult
    ) async throws(ProblemDetails) -> ReloadReport {
        do throws(GenerationMismatch) {
            return try await reloader.edit(
                reason: reason,
                at: generation,
                isDryRun: isDryRun,
                make
            )
        } catch {
            throw ProblemDetails(.conflict, error.description)
        }
    }

    func export(isWhole: Bool) async -> String {
        let generation = await reloader.generation
        let running = await reloader.running.withoutKernel
        guard !isWhole else {
            return "# All that generation \(generation) runs, but for settings.\n"
                + ServiceFileWriter().text(of: running)
        }
        let layer = await reloader.runtimeLayer
        let head = layer.edits.map { "# \($0.deed.rawValue): \($0.title)\($0.where)\n" }.joined()
        return "# What edits made, on top of generation \(generation)'s files.\n" + head
            + ServiceFileWriter().text(of: layer.wanted)
    }
}

extension EditedObject {
    /// By what people may call it: title, `service tcp 10.0.0.100:80`, key, or name.
    func isCalled(_ name: String) -> Bool {
        title == name || key == name || title == "\(noun) \(name) (\(key))"
            || "\(noun) \(key)" == name || title.hasPrefix("\(name) (")
    }

    private var noun: Substring { title.prefix { $0 != " " } }

    /// Where the file has it, of an object that a file has.
    fileprivate var `where`: String { file.map { ", which stands in \($0)" } ?? "" }
}

extension [EditedObject] {
    /// What the first of them are called.
    fileprivate var names: String {
        if isEmpty { return "nothing" }
        let first = prefix(10).map(\.title).joined(separator: ", ")
        return count > 10 ? "\(first) and \(count - 10) more" : first
    }
}
