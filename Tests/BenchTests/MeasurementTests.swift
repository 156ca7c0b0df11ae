// SPDX-License-Identifier: Apache-2.0
import Benchmarking
import Testing

@Suite struct MeasurementTests {
    private static func sample() throws -> Measurement {
        var result = Measurement(
            name: "fnat-udp-10k",
            cycles: try #require(Statistics([90, 100, 120])),
            bare: try #require(Statistics([25]))
        )
        result.family = "fnat-udp"
        result.flows = 1 << 14
        result.convert(frequency: 2e9)
        return result
    }

    @Test func `cycles become nanoseconds and packets a second`() throws {
        let result = try Self.sample()
        #expect(result.nanosecondsPerPacket == 50)
        #expect(result.megapacketsPerSecond == 20)
    }

    @Test func `JSON that was written is read again`() throws {
        let results = [try Self.sample()]
        let text = try MeasurementText.json(results)
        #expect(try MeasurementText.parse(json: Array(text.utf8)) == results)
        #expect(text.contains("\"cycles_per_packet\" : 100"))
        #expect(text.contains("\"bare_cycles_per_packet\" : 25"))
    }

    @Test func `JSON of older versions is read as well`() throws {
        let text = """
            [{"name": "a", "cycles_per_packet": 9, "bare_cycles_per_packet": 3, "spread": 1,
              "packets": 5, "drops": {}}]
            """
        #expect(try MeasurementText.parse(json: Array(text.utf8)).first?.cyclesPerPacket == 9)
    }

    @Test func `every line of the CSV has as many cells as the header`() throws {
        let lines = MeasurementText.csv([try Self.sample()]).split(separator: "\n")
        let counts = lines.map { $0.split(separator: ",", omittingEmptySubsequences: false).count }
        #expect(lines.count == 2)
        #expect(Set(counts).count == 1)
        #expect(lines.last?.hasPrefix("fnat-udp-10k,fnat-udp,16384,100.0,25.0,4.00,90.0,") == true)
    }

    @Test func `drops stand in the table`() throws {
        var result = try Self.sample()
        result.drops = ["no_route": 7]
        #expect(MeasurementText.row(of: result).hasSuffix("DROPS: no_route 7"))
    }

    @Test func `a plot has a line for each family, and the references`() throws {
        var second = try Self.sample()
        second.family = "fnat-tcp & more"
        let svg = try #require(Plot([try Self.sample(), second])).svg
        #expect(svg.hasPrefix("<svg "))
        #expect(svg.split(separator: "<polyline").count == 3)
        #expect(svg.contains("fnat-tcp &amp; more"))
        #expect(svg.contains("DPVS v1.10"))
    }

    @Test func `runs without flows are not plotted`() throws {
        var result = try Self.sample()
        result.flows = nil
        #expect(Plot([result]) == nil)
    }
}
