// SPDX-License-Identifier: Apache-2.0

/// The samples of a scrape in Prometheus text format.
struct Scrape: Sendable {
    private var samples: [(name: Substring, labels: Substring, value: Double)] = []

    init(_ text: String) {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let blank = line.lastIndex(of: " "),
                let value = Double(line[line.index(after: blank)...])
            else { continue }
            let series = line[..<blank]
            let name = series.prefix { $0 != "{" }
            samples.append((name, series.dropFirst(name.count), value))
        }
    }

    /// The sum of all samples of a metric that have these labels.
    func sum(_ name: String, _ labels: KeyValuePairs<String, String> = [:]) -> Double {
        samples.filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels.contains("\($0)=\"\($1)\"") }
        }
        .reduce(0) { $0 + $1.value }
    }
}
