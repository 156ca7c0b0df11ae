// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Benchmarking

@Suite struct ControlCostTests {
    @Test func `files are written, applied, edited and removed again`() async throws {
        let directory = "\(NSTemporaryDirectory())/dpvs-bench-\(UUID())"
        let cost = try await ControlCost.measure(
            services: 20,
            backends: 3,
            files: 4,
            repetitions: 2,
            in: directory
        )
        #expect(cost.octets > 20 * 3 * 40, "a line for each backend")
        #expect(cost.scrapeOctets > 20 * 3 * 12 * 100, "a line for each backend and metric")
        for span in [cost.check, cost.start, cost.edit, cost.change, cost.scrape] {
            #expect(span.clock > 0 && span.processor > 0)
        }
        #expect(!FileManager.default.fileExists(atPath: directory))
    }
}
