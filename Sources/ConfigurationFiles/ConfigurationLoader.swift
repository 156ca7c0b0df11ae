// SPDX-License-Identifier: Apache-2.0
import Cryptography
package import Model

/// The outcome of reading all files at one moment.
package struct LoadedConfiguration: Sendable {
    /// Meaningful when there are no errors.
    package var state: DesiredState
    package var diagnostics: [Diagnostic]
    /// SHA-256 over names and contents, in hexadecimal digits; not over where the directories are.
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
    ///
    /// `cache` has the files that were read last.
    package func load(
        _ reader: any SourceReader,
        _ cache: ServiceFileCache = ServiceFileCache()
    ) -> LoadedConfiguration {
        var result = DPVSConf()
        if !allowsMissingConf || (try? reader.read(conf)) != nil {
            result = parseDPVSConf(path: conf, reader: reader)
        }
        var checker = StateChecker(settings: result.settings)
        var digests: [String: String] = [:]
        let paths = servicePaths(reader, &result.diagnostics)
        cache.keep(only: Set(paths))
        for path in paths {
            do throws(SourceError) {
                let bytes = try reader.read(path)
                result.files[path] = bytes
                let entry = cache.file(path, bytes, keys: reader)
                digests[path] = entry.digest
                result.files.merge(entry.file.sources) { first, _ in first }
                checker.add(entry)
            } catch {
                result.diagnostics.append(cannotRead(error))
            }
        }
        checker.check()
        return LoadedConfiguration(
            state: checker.state,
            diagnostics: result.diagnostics + checker.diagnostics,
            digest: digest(of: result.files),
            files: Dictionary(
                uniqueKeysWithValues: result.files.map {
                    ($0, digests[$0] ?? SHA256.hexadecimal($1))
                }
            )
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

    /// Of names and contents, sorted by name: the same wherever the directories are.
    private func digest(of files: [String: [UInt8]]) -> String {
        let named = files.map { (name: name(of: $0), path: $0, bytes: $1) }
            .sorted { ($0.name, $0.path) < ($1.name, $1.path) }
        // Lengths keep names and contents apart.
        var all: [UInt8] = []
        for file in named {
            all += Array("\(file.name.utf8.count) \(file.name) \(file.bytes.count) ".utf8)
            all += file.bytes
        }
        return SHA256.hexadecimal(all)
    }

    /// What a file is called in digests: `dpvs.conf`, `services/NAME`, or as it is named from the
    /// directory of `dpvs.conf`; a file elsewhere by its path.
    private func name(of path: String) -> String {
        if path == conf { return "dpvs.conf" }
        let folder = conf.lastIndex(of: "/").map { String(conf[...$0]) } ?? ""
        if path.hasPrefix(servicesDirectory + "/") {
            return "services/" + path.dropFirst(servicesDirectory.count + 1)
        }
        return path.hasPrefix(folder) ? String(path.dropFirst(folder.count)) : path
    }
}
