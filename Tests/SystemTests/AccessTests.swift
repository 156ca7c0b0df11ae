// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Model
import Testing

extension SystemTests {
    @Suite struct AccessTests {
        /// What `curl` ends with when nobody answers in its time.
        private static let timedOut: Int32 = 28

        private func isServed(_ lab: Lab) async throws -> Bool {
            let outcome = try await lab.curl("http://10.0.0.100/", "--max-time", "1")
            if outcome.status == 0 { return true }
            #expect(outcome.status == Self.timedOut, "\(outcome.output)")
            return false
        }

        @Test
        func `a file of entries keeps a client out as soon as it is saved, and lets it in again`()
            async throws
        {
            let setup = Setup()
            try await Lab.balance(setup) { lab, dpvs in
                let list = "\(dpvs.servicesPath)/../bots.txt"
                try Data("# nobody yet\n".utf8).write(to: URL(filePath: list))
                let yaml =
                    "sets: [{ name: bots, entriesFile: \(list) }]\n"
                    + setup.services.yaml.replacing(
                        "    backends:",
                        with: "    deny: [bots]\n    backends:"
                    )
                #expect(try await dpvs.reportAfter { try dpvs.save(yaml) }.outcome == .applied)
                #expect(try await isServed(lab))
                func save(_ text: String) async throws -> ReloadReport {
                    try await dpvs.reportAfter {
                        try Data(text.utf8).write(to: URL(filePath: list))
                    }
                }
                #expect(try await save("10.0.0.0/28 # clients\n").outcome == .applied)
                #expect(try await !isServed(lab))
                let broken = try await save("10.0.0.0/28\nclients\n")
                #expect(broken.outcome == .rejected)
                #expect(broken.problems.first?.location?.hasSuffix("bots.txt:2:1") == true)
                #expect(try await save("10.0.0.0/28\n10.0.0.10 nomatch\n").outcome == .applied)
                #expect(try await isServed(lab))
                let edit = try await dpvs.command("edit", "add", "deny", "source=10.0.0.10")
                #expect(edit.status == 0, "\(edit.output)")
                #expect(try await !isServed(lab))
                let scrape = try await dpvs.scrape()
                #expect(scrape.sum("dpvs_set_entries", ["set": "bots"]) == 2)
                #expect(scrape.sum("dpvs_drops_total", ["reason": "screened"]) > 0)
                #expect(scrape.sum("dpvs_drops_total", ["reason": "denied"]) > 0)
                let revert = try await dpvs.command("config", "revert", "--all")
                #expect(revert.status == 0, "\(revert.output)")
                #expect(try await isServed(lab))
            }
        }
    }
}
