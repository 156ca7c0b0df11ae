// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import YAML

/// helm/dpvs, and helm as `scripts/chart-tools` puts it there.
enum Chart {
    static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    static let place = root.appending(path: "helm/dpvs")
    private static let helm = root.appending(path: ".build-chart/helm").path

    static let isHelmThere = FileManager.default.isExecutableFile(atPath: helm)
    static let promtool = "/usr/bin/promtool"
    static let isPromtoolThere = FileManager.default.isExecutableFile(atPath: promtool)

    /// The names of the values files in examples/, and nil for the defaults.
    static let examples: [String?] = [nil, "sriov-vfio", "mlx5", "af-packet", "af-xdp"]

    static func text(_ path: String) throws -> String {
        try String(contentsOf: place.appending(path: path), encoding: .utf8)
    }

    /// What `helm template` makes, as release `dpvs` in namespace `lb`.
    static func render(
        _ example: String? = nil,
        _ settings: [String] = [],
        kubernetes: String = "1.33.0"
    ) throws -> [YAMLNode] {
        let (status, output, errors) = try template(example, settings, kubernetes: kubernetes)
        try #require(status == 0, "\(errors)")
        return try output.components(separatedBy: "\n---\n")
            .compactMap { try readYAML(Array($0.utf8)) }
            .filter { !$0.isNull }
    }

    /// What helm says to values that it refuses; nil when it takes them.
    static func refusal(_ example: String? = nil, _ settings: [String]) throws -> String? {
        let (status, _, errors) = try template(example, settings, kubernetes: "1.33.0")
        return status == 0 ? nil : errors
    }

    private static func template(
        _ example: String?,
        _ settings: [String],
        kubernetes: String
    ) throws -> (status: Int32, output: String, errors: String) {
        var words = ["template", "dpvs", place.path, "--namespace", "lb"]
        words += ["--kube-version", kubernetes]
        if let example { words += ["--values", place.path + "/examples/\(example).yaml"] }
        for setting in settings {
            // JSON keeps lists and mappings in one word.
            let isJSON = setting.contains("={") || setting.contains("=[")
            words += [isJSON ? "--set-json" : "--set", setting]
        }
        return try run(helm, words)
    }

    static func run(
        _ program: String,
        _ words: [String]
    ) throws -> (status: Int32, output: String, errors: String) {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = words
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // Neither program says more on its errors than a pipe holds.
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        let complaints = try errors.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (
            process.terminationStatus, String(decoding: text, as: UTF8.self),
            String(decoding: complaints, as: UTF8.self)
        )
    }
}
