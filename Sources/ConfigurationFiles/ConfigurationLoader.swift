// SPDX-License-Identifier: Apache-2.0
import Cryptography
package import Model

/// The outcome of reading all files at one moment.
package struct LoadedConfiguration: Sendable {
    /// Meaningful when there are no errors.
    package var state: DesiredState
    package var diagnostics: [Diagnostic]
    /// SHA-256 over names and contents, in hexadecimal digits.
    package var digest: String
    /// SHA-256 of each file, by path.
    package var files: [String: String]

    package var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
}

/// Reads `dpvs.conf` and the service files behind it into one desired state.
package struct ConfigurationLoader: Sendable {
    package var conf: String
    package var servicesDirectory: String
    /// Whether every default may serve when `dpvs.conf` is not there.
    package var allowsMissingConf: Bool

    package init(conf: String, servicesDirectory: String, allowsMissingConf: Bool = false) {
        self.conf = conf
        self.servicesDirectory = servicesDirectory
        self.allowsMissingConf = allowsMissingConf
    }

    /// Everything there is to say about the files, and what they ask for.
    package func load(_ reader: any SourceReader) -> LoadedConfiguration {
        var result = DPVSConf()
        if !allowsMissingConf || (try? reader.read(conf)) != nil {
            result = parseDPVSConf(path: conf, reader: reader)
        }
        var checker = StateChecker(settings: result.settings)
        for path in servicePaths(reader, &result.diagnostics) {
            do throws(SourceError) {
                let bytes = try reader.read(path)
                result.files[path] = bytes
                let file = ServiceFile(bytes, path: path, keys: reader)
                result.files.merge(file.sources) { first, _ in first }
                checker.add(file)
            } catch {
                result.diagnostics.append(cannotRead(error))
            }
        }
        checker.check()
        return LoadedConfiguration(
            state: checker.state,
            diagnostics: result.diagnostics + checker.diagnostics,
            digest: Self.digest(result.files),
            files: result.files.mapValues { SHA256.hexadecimal($0) }
        )
    }

    private func servicePaths(
        _ reader: any SourceReader,
        _ diagnostics: inout [Diagnostic]
    ) -> [String] {
        do throws(SourceError) {
            return try reader.list(servicesDirectory)
                .filter { !$0.hasPrefix(".") && ($0.hasSuffix(".yaml") || $0.hasSuffix(".yml")) }
                .map { "\(servicesDirectory)/\($0)" }
        } catch {
            // No directory is no services; a directory that cannot be read is a mistake.
            var problem = cannotRead(error)
            problem.severity = .warning
            diagnostics.append(problem)
            return []
        }
    }

    private func cannotRead(_ error: SourceError) -> Diagnostic {
        let location = SourceLocation(file: error.path, line: 1, column: 1)
        return Diagnostic(.error, at: location, path: "", "cannot be read: \(error.message)")
    }

    private static func digest(_ files: [String: [UInt8]]) -> String {
        // Lengths keep names and contents apart.
        var all: [UInt8] = []
        for (path, bytes) in files.sorted(by: { $0.key < $1.key }) {
            all += Array("\(path.utf8.count) \(path) \(bytes.count) ".utf8) + bytes
        }
        return SHA256.hexadecimal(all)
    }
}
