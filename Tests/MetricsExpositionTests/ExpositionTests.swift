// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import MetricsExposition

@Suite struct ExpositionTests {
    @Test func `a counter has help, type and a sample with labels`() {
        let text = expose(.sample())
        #expect(
            text.contains(
                """
                # HELP dpvs_service_connections_total Connections that were given a backend.
                # TYPE dpvs_service_connections_total counter
                dpvs_service_connections_total{dpvs_instance="default",service="web",\
                local_address="10.0.0.100",local_port="80",proto="TCP"} 20

                """
            )
        )
    }

    @Test func `a backend carries its service's labels and its own`() {
        let samples = lines(expose(.sample()), with: "dpvs_backend_weight{")
        let common =
            #"dpvs_backend_weight{dpvs_instance="default",service="web","#
            + #"local_address="10.0.0.100",local_port="80","#
        #expect(
            samples == [
                common + #"proto="TCP",remote_address="192.168.0.2",remote_port="8080"} 1"#,
                common + #"proto="TCP",remote_address="192.168.0.3",remote_port="8080"} 2"#,
            ]
        )
    }

    @Test func `OpenMetrics names counters without the suffix, gives units and ends`() {
        let text = expose(.sample(), as: .openMetrics)
        #expect(text.contains("# TYPE dpvs_service_incoming_bytes counter\n"))
        #expect(text.contains("# UNIT dpvs_service_incoming_bytes bytes\n"))
        #expect(text.contains("\ndpvs_service_incoming_bytes_total{"))
        #expect(text.contains("# TYPE dpvs_build info\n"))
        #expect(text.contains("\ndpvs_build_info{"))
        #expect(text.hasSuffix("\n# EOF\n"))
    }

    @Test(arguments: [
        (#"a"b"#, #"service="a\"b""#), (#"a\b"#, #"service="a\\b""#), ("a\nb", #"service="a\nb""#),
        ("größe", #"service="größe""#),
    ])
    func `label values are escaped`(name: String, written: String) {
        var statistics = DataplaneStatistics.sample()
        statistics.services = [.sample(name: name)]
        #expect(
            expose(statistics)
                .contains(#"dpvs_service_weight{dpvs_instance="default",\#(written),"#)
        )
    }

    @Test(arguments: ["default", "b"])
    func `the instance is a label of every sample`(instance: String) {
        let text = expose(.sample(instance: instance))
        let samples = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(samples.allSatisfy { $0.contains("{dpvs_instance=\"\(instance)\"") })
        #expect(text.contains("dpvs_ready{dpvs_instance=\"\(instance)\"} 1\n"))
    }

    @Test func `without the per-backend switch no backend metric is left`() {
        let text = expose(.sample(), Scrape.Selection(hasBackends: false))
        #expect(!text.contains("dpvs_backend_"))
        #expect(text.contains("dpvs_service_backends{"))
    }

    @Test func `some services show nothing but themselves and their backends`() {
        let text = expose(.sample(), Scrape.Selection(isOfServicesOnly: true))
        let names = Set(lines(text, with: "dpvs_").map { $0.prefix { $0 != "{" } })
        #expect(!names.isEmpty)
        #expect(names.allSatisfy { $0.hasPrefix("dpvs_service_") || $0.hasPrefix("dpvs_backend_") })
        #expect(names.contains("dpvs_backend_weight"))
        let few = Scrape.Selection(isOfServicesOnly: true, hasBackends: false)
        #expect(!expose(.sample(), few).contains("dpvs_backend_"))
    }

    @Test func `what a backend cannot be is not shown`() {
        var statistics = DataplaneStatistics.sample()
        statistics.services = [.sample(backends: 2)]
        let text = expose(statistics)
        for name in ["persistent_clients", "overloaded", "inhibited", "remaining_connections"] {
            #expect(lines(text, with: "dpvs_backend_\(name){").count == 1)
        }
        #expect(lines(text, with: "dpvs_backend_weight{").count == 2)
    }

    @Test(arguments: ExpositionFormat.allCases)
    func `pieces end with lines, are of one size and make the whole`(format: ExpositionFormat) {
        var statistics = DataplaneStatistics.sample()
        statistics.services = (0..<300).map { .sample(name: "service-\($0)", backends: 5) }
        let pieces = Array(Scrape(of: statistics, as: format))
        #expect(pieces.count > 10)
        #expect(pieces.allSatisfy { $0.last == UInt8(ascii: "\n") })
        #expect(pieces.dropLast().allSatisfy { $0.count >= Scrape.pieceSize })
        #expect(pieces.allSatisfy { $0.count < Scrape.pieceSize + 1000 })
        let text = String(decoding: pieces.joined(), as: UTF8.self)
        #expect(text == expose(statistics, as: format))
        // Each family stands once and has a sample of every backend in the order of services.
        let names = lines(text, with: "dpvs_backend_weight{")
        #expect(names.count == 1500)
        #expect(lines(text, with: "# TYPE dpvs_backend_weight ").count == 1)
        #expect(names[5].contains(#"service="service-1","#))
    }

    @Test func `what is not known is not shown`() {
        var statistics = DataplaneStatistics.sample()
        statistics.ports[0].speed = nil
        statistics.configuration.lastSuccessTime = nil
        let text = expose(statistics)
        #expect(lines(text, with: "dpvs_port_speed_bytes_per_second{").isEmpty)
        #expect(lines(text, with: "dpvs_config_last_reload_success_timestamp_seconds{").isEmpty)
    }

    @Test(arguments: [
        (MetricValue.integer(0), "0"), (.integer(.max), "18446744073709551615"),
        (.number(0.5), "0.5"), (.number(1_700_000_000), "1700000000.0"), (.number(1e300), "1e+300"),
        (.number(.nan), "NaN"), (.number(.infinity), "+Inf"), (.number(-.infinity), "-Inf"),
    ])
    func `numbers are written as the formats ask`(value: MetricValue, written: String) {
        var text = Exposition(format: .text, instance: "a")
        let row = StateCount(state: "b", count: 0)
        text.sample(Array("x".utf8), StateRow(count: row), value)
        let line = #"x{dpvs_instance="a",state="b"} \#(written)"#
        #expect(String(decoding: text.bytes, as: UTF8.self) == line + "\n")
    }

    @Test(arguments: [
        (nil, ExpositionFormat.text), ("", .text), ("*/*", .text), ("text/plain", .text),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", .openMetrics),
        ("text/plain, application/openmetrics-text; q=0.2", .openMetrics),
        ("application/openmetrics-text;q=0, text/plain", .text),
    ])
    func `the scraper chooses the format`(accept: String?, format: ExpositionFormat) {
        #expect(ExpositionFormat(accept: accept) == format)
    }
}
