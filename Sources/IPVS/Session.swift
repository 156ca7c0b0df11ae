// SPDX-License-Identifier: Apache-2.0
import CommandWire
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

    private let desk: any ServiceDesk
    private let request: Request

    package init(_ request: Request, _ desk: any ServiceDesk) {
        self.desk = desk
        self.request = request
    }

    /// What comes of a command line: `words` behind the name of the program, and its standard input.
    ///
    /// `write` is given what is printed, in pieces where it is long; then `text` of the answer is empty.
    package static func answer(
        _ words: [String],
        input: String,
        _ desk: any ServiceDesk,
        write: (String) async throws -> Void
    ) async throws -> Answer {
        do {
            let request = try Request(words)
            var answer = try await Session(request, desk).run(input: input, write: write)
            if !answer.text.isEmpty { try await write(answer.text) }
            answer.text = ""
            answer.remarks = request.remarks + answer.remarks
            return answer
        } catch let complaint as Complaint {
            let hint = complaint.status == .usage ? [IPVSHelp.hint] : []
            return Answer(remarks: [complaint.description] + hint, status: complaint.status)
        } catch let problem as ProblemDetails {
            return Answer(remarks: [problem.detail ?? problem.title], status: .problem)
        } catch {
            return Answer(remarks: ["\(error)"], status: .problem)
        }
    }

    /// `input` is read for `-R` alone.
    package func run(
        input: String,
        write: (String) async throws -> Void
    ) async throws -> Answer {
        switch request.action {
        case .change(let change): return try await carryOut(change)
        case .list(let view, let key): return try await list(view, key)
        case .connections(let key, let pair):
            return try await connections(of: key, pair, write)
        case .localAddresses(let key):
            let readings = try await readings(key)
            return try answer(readings, AddressListing.localAddresses(of: readings))
        case .clientLists(let list):
            let readings = await desk.readings(of: filter(nil))
            return try answer(readings, AddressListing.clients(list, of: readings))
        case .zero(let key):
            guard await desk.zero(filter(key)) || key == nil else { throw Self.noService(key) }
            return Answer()
        case .save:
            let readings = await desk.readings(of: filter(nil))
            var answer = try answer(readings, SaveText.lines(of: readings))
            answer.remarks += SaveText.omissions(of: readings)
            return answer
        case .restore: return try await restore(RestoreText(input))
        case .nothing: return Answer()
        case .help: return Answer(text: IPVSHelp.text)
        case .version: return Answer(text: IPVSHelp.version)
        }
    }

    private func answer(_ value: some Encodable, _ text: @autoclosure () -> String) throws -> Answer
    {
        Answer(text: request.isJSON ? try ControlJSON.text(value) : text())
    }

    // MARK: - Looking

    private func filter(_ key: Service.Key?) -> ServiceFilter {
        ServiceFilter(key.map { [$0.description] } ?? [])
    }

    private static func noService(_ key: Service.Key?) -> Complaint {
        .refusal("No such service: \(key.map { "\($0)" } ?? "")")
    }

    private func readings(_ key: Service.Key?) async throws -> ServiceReadings {
        let readings = await desk.readings(of: filter(key))
        if key != nil, readings.services.isEmpty { throw Self.noService(key) }
        return request.isUnsorted ? readings : readings.sorted
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

    private func connections(
        of key: Service.Key?,
        _ pair: Request.SocketPair?,
        _ write: (String) async throws -> Void
    ) async throws -> Answer {
        if key != nil { _ = try await readings(key) }
        var count = 0
        for try await page in try await desk.connections(ConnectionListing.query(of: key, pair)) {
            var text = ""
            for connection in page.connections {
                // A line each, too: a list of a million is no document to be read at once.
                text +=
                    request.isJSON
                    ? connection.json + "\n" : ConnectionListing.line(connection)
            }
            count += page.connections.count
            if !text.isEmpty { try await write(text) }
        }
        if pair != nil, count == 0 { throw Complaint.refusal("No such connection") }
        return Answer()
    }

    // MARK: - Changing

    private func carryOut(_ change: ServiceChange) async throws -> Answer {
        let (drafted, report) = try await desk.edit { draft in
            var table = ServiceTable(draft)
            try table.apply(change)
            draft = table.draft
            return Drafted(remarks: table.remarks, words: ProblemText(table))
        }
        return try answer(drafted, report)
    }

    private func restore(_ text: RestoreText) async throws -> Answer {
        guard text.complaints.isEmpty else {
            return Self.unrestored(text.complaints, .usage)
        }
        do {
            let (drafted, report) = try await desk.edit { draft in
                var table = ServiceTable(draft, isRestoring: true)
                let (remarks, refused) = text.apply(to: &table)
                if !refused.isEmpty { throw Refused(sentences: refused) }
                draft = table.draft
                return Drafted(remarks: remarks, words: ProblemText(table, text.lines))
            }
            var answer = try answer(drafted, report)
            if answer.status == .success {
                answer.remarks = text.remarks + answer.remarks
                return answer
            }
            return Self.unrestored(text.remarks + answer.remarks, answer.status)
        } catch let refused as Refused {
            return Self.unrestored(refused.sentences, .problem)
        }
    }

    private static func unrestored(_ sentences: [String], _ status: ExitStatus) -> Answer {
        Answer(remarks: sentences + ["nothing was restored"], status: status)
    }

    /// What command lines have made of a draft.
    private struct Drafted: Sendable {
        var remarks: [String]
        var words: ProblemText
    }

    private struct Refused: Error {
        var sentences: [String]
    }

    private func answer(_ drafted: Drafted, _ report: ReloadReport?) throws -> Answer {
        guard let report else { return Answer(remarks: drafted.remarks) }
        let sentences = drafted.remarks + Self.sentences(of: report.problems, drafted.words)
        guard report.isSuccess else { return Answer(remarks: sentences, status: .problem) }
        return Answer(
            text: request.isJSON ? try ControlJSON.text(report) : "",
            remarks: sentences
        )
    }

    /// Where there are errors they alone; one that stands in ten thousand lines is told a few times.
    private static func sentences(of problems: [Problem], _ words: ProblemText) -> [String] {
        let chosen = problems.hasErrors ? problems.errors : problems
        let told = chosen.prefix(RestoreText.mostComplaints).map(words.sentence)
        let rest = chosen.count - told.count
        return told + (rest > 0 ? ["... and \(rest) more"] : [])
    }
}
