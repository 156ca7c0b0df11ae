// SPDX-License-Identifier: Apache-2.0
package import Control
import Model

/// Carries out requests of `ipvsadm` on a running instance.
package struct Session: Sendable {
    /// What a program prints, and what it ends with.
    package struct Answer: Equatable, Sendable {
        package var text = ""
        /// Sentences for standard error.
        package var remarks: [String] = []
        package var status = ExitStatus.success

        package init(text: String = "", remarks: [String] = [], status: ExitStatus = .success) {
            self.text = text
            self.remarks = remarks
            self.status = status
        }
    }

    private let client: ControlClient
    private let request: Request
    /// Times that somebody else may change the configuration between reading and changing it.
    private static let mostTries = 20

    package init(_ request: Request, _ client: ControlClient) {
        self.client = client
        self.request = request
    }

    /// `input` is read for `-R` alone.
    package func run(input: () -> String) async throws -> Answer {
        switch request.action {
        case .change(let change): return try await carryOut(change)
        case .list(let view, let key): return try await list(view, key)
        case .connections:
            throw Complaint.refusal(
                "-c: connections are counted here and cannot be listed yet; -L --stats has the counts"
            )
        case .localAddresses(let key):
            let readings = try await readings(key)
            return try answer(readings, AddressListing.localAddresses(of: readings))
        case .clientLists(let title):
            return try answer([String](), AddressListing.clients(title))
        case .zero(let key):
            try await found(key) { () throws(ControlError) in
                try await client.zero(key.map { [$0.description] })
            }
            return Answer()
        case .save:
            let readings = try await client.readings()
            var answer = try answer(readings, SaveText.lines(of: readings))
            answer.remarks += SaveText.omissions(of: readings)
            return answer
        case .restore: return try await restore(RestoreText(input()))
        case .nothing: return Answer()
        case .help: return Answer(text: HelpText.text)
        case .version: return Answer(text: HelpText.version)
        }
    }

    private func answer(_ value: some Encodable, _ text: String) throws -> Answer {
        Answer(text: request.isJSON ? try ControlJSON.text(value) : text)
    }

    // MARK: - Looking

    private func readings(_ key: Service.Key?) async throws -> ServiceReadings {
        let readings = try await client.readings(of: key.map { [$0.description] })
        if let key, readings.services.isEmpty {
            throw Complaint.refusal("No such service: \(key)")
        }
        return request.isUnsorted ? readings : readings.sorted
    }

    private func found(
        _ key: Service.Key?,
        _ body: () async throws(ControlError) -> Void
    ) async throws {
        do throws(ControlError) {
            try await body()
        } catch {
            if let key, case .refused(let problem) = error, problem.refusal == .notFound {
                throw Complaint.refusal("No such service: \(key)")
            }
            throw error
        }
    }

    private func list(_ view: Request.View, _ key: Service.Key?) async throws -> Answer {
        var readings = try await readings(key)
        if view == .rates {
            let start = ContinuousClock.now
            try await Task.sleep(for: .seconds(1))
            let later = try await self.readings(key)
            readings = later.rates(
                since: readings,
                seconds: (ContinuousClock.now - start) / .seconds(1)
            )
        }
        return try answer(readings, Listing(readings, view, isExact: request.isExact).text)
    }

    // MARK: - Changing

    private func carryOut(_ change: ServiceChange) async throws -> Answer {
        for _ in 0..<Self.mostTries {
            let readings = try await readings(for: change)
            var table = ServiceTable(readings)
            try table.apply(change)
            if let answer = try await apply(table, to: readings.generation) { return answer }
        }
        throw Complaint.refusal("others change the configuration all the time; try again")
    }

    /// What the change is about; of one that says all itself, nothing is asked.
    private func readings(for change: ServiceChange) async throws -> ServiceReadings {
        switch change {
        case .clear, .deleteLocalAddress: try await client.readings()
        case .addService(let key, _), .editService(let key, _), .deleteService(let key),
            .addServer(let key, _), .editServer(let key, _), .deleteServer(let key, _),
            .addLocalAddress(let key, _, _):
            try await client.readings(of: [key.description])
        }
    }

    /// nil: another generation runs by now.
    private func apply(_ table: ServiceTable, to generation: UInt64) async throws -> Answer? {
        let edits = table.edits
        if edits.isEmpty { return Answer() }
        let report: ReloadReport
        do {
            report = try await client.edit(
                EditRequest(batch: try edits.batch(), name: "ipvsadm", generation: generation)
            )
        } catch ControlError.refused(let problem) where problem.refusal == .conflict {
            return nil
        }
        guard report.isSuccess else {
            let errors = report.problems.filter { $0.severity == .error }
            return Answer(remarks: errors.map(\.message), status: .problem)
        }
        return request.isJSON ? try answer(report, "") : Answer()
    }

    private func restore(_ lines: RestoreText) async throws -> Answer {
        guard lines.complaints.isEmpty else {
            let last = "nothing was restored"
            return Answer(remarks: lines.complaints + [last], status: .usage)
        }
        for _ in 0..<Self.mostTries {
            let readings = try await client.readings()
            var table = ServiceTable(readings)
            table.isRestoring = true
            let refused = lines.apply(to: &table)
            guard refused.isEmpty else {
                return Answer(remarks: refused + ["nothing was restored"], status: .problem)
            }
            if var answer = try await apply(table, to: readings.generation) {
                answer.remarks = lines.remarks + answer.remarks
                if answer.status != .success { answer.remarks.append("nothing was restored") }
                return answer
            }
        }
        throw Complaint.refusal("others change the configuration all the time; try again")
    }
}
