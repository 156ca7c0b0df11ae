// SPDX-License-Identifier: Apache-2.0
import Cryptography
package import Model

/// The outcome of reading all files at one moment.
package struct LoadedConfiguration: Sendable {
    /// Meaningful when there are no errors.
    package var state: DesiredState
    /// The objects of `state` with their places.
    package var objects: PlacedObjects
    package var diagnostics: [Diagnostic]
    /// SHA-256 over names and contents, in hexadecimal digits; not over where the directories are.
    package var digest: String
    /// SHA-256 of each file, by path.
    package var files: [String: String]
    /// Whether something could not be read for a reason that may pass by itself.
    package var isPassing = false

    package var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
}

/// Reads `dpvs.conf` and the service files behind it into one desired state.
package struct ConfigurationLoader: Sendable {
    /// Where service files are.
    package enum Services: Equatable, Sendable {
        /// Those in a directory; `isNeeded`: without it nothing is right, else there are none.
        case directory(String, isNeeded: Bool)
        case files([String])
    }

    package var conf: String
    package var services: Services
    /// Whether every default may serve when `dpvs.conf` is not there.
    package var allowsMissingConf: Bool

    /// Service files, and octets of all of them: several times what ten thousand services need.
    private static let mostFiles = 16_384
    private static let mostOctets = 256 << 20

    package init(conf: String, servicesDirectory: String, allowsMissingConf: Bool = false) {
        self.init(conf: conf, services: .directory(servicesDirectory, isNeeded: false))
        self.allowsMissingConf = allowsMissingConf
    }

    package init(conf: String, services: Services) {
        self.conf = conf
        self.services = services
        allowsMissingConf = false
    }

    /// Where files are looked for, besides the directory of `conf`.
    package var servicesDirectory: String? {
        if case .directory(let path, _) = services { path } else { nil }
    }

    /// Everything there is to say about the files, and what they ask for.
    ///
    /// `cache` has the files that were read last.
    package func load(
        _ reader: any SourceReader,
        _ cache: ServiceFileCache = ServiceFileCache()
    ) -> LoadedConfiguration {
        var result = DPVSConf()
        if !allowsMissingConf || !isMissing(reader) {
            result = parseDPVSConf(path: conf, reader: reader)
        }
        var objects = PlacedObjects()
        var octets = 0
        var digests: [String: String] = [:]
        let paths = servicePaths(reader, hadFiles: !cache.isEmpty, &result)
        if let paths { cache.keep(only: Set(paths)) }
        for path in paths ?? [] {
            do throws(SourceError) {
                let bytes = try reader.read(path)
                octets += bytes.count
                guard octets <= Self.mostOctets else {
                    let most = Self.mostOctets >> 20
                    let message = "the service files have more than \(most) MiB together"
                    throw SourceError(path: path, message: message)
                }
                result.files[path] = bytes
                let entry = cache.file(path, bytes, keys: reader)
                digests[path] = entry.digest
                result.files.merge(entry.file.sources) { first, _ in first }
                result.isPassing = result.isPassing || entry.file.isPassing
                objects.append(entry.file.objects)
                result.diagnostics += entry.file.diagnostics
            } catch {
                complain(error, .error, &result)
                if octets > Self.mostOctets { break }
            }
        }
        readKeepalived(reader, &result, &objects)
        var checker = StateChecker(objects, settings: result.settings, cache.checks)
        checker.check()
        return LoadedConfiguration(
            state: objects.state(with: result.settings),
            objects: objects,
            diagnostics: result.diagnostics + checker.diagnostics,
            digest: digest(of: result.files),
            files: Dictionary(
                uniqueKeysWithValues: result.files.map {
                    ($0, digests[$0] ?? SHA256.hexadecimal($1))
                }
            ),
            isPassing: result.isPassing
        )
    }

    /// What keepalived's file says, where one is named.
    private func readKeepalived(
        _ reader: any SourceReader,
        _ result: inout DPVSConf,
        _ objects: inout PlacedObjects
    ) {
        guard let name = result.settings.text("global_defs.keepalived_conf") else { return }
        let folder = conf.lastIndex(of: "/").map { String(conf[...$0]) } ?? ""
        let read = KeepalivedReader(
            name.hasPrefix("/") ? name : folder + name,
            reader,
            identity: identity(reader, result.settings),
            sets: Set(objects.sets.map(\.value.name)),
            named: TextLocation(file: conf, line: 1, column: 1)
        )
        result.files.merge(read.files) { first, _ in first }
        result.isPassing = result.isPassing || read.isPassing
        result.diagnostics += read.diagnostics
        objects.append(read.objects)
    }

    private func identity(_ reader: any SourceReader, _ settings: Settings) -> String {
        if let own = settings.text("global_defs.keepalived_config_id") { return own }
        let name = (try? reader.read("/proc/sys/kernel/hostname")) ?? []
        return String(decoding: name.prefix { $0 != UInt8(ascii: ".") && $0 > 0x20 }, as: UTF8.self)
    }

    private func isMissing(_ reader: any SourceReader) -> Bool {
        if conf.isEmpty { return true }
        do throws(SourceError) {
            _ = try reader.read(conf)
            return false
        } catch {
            return error.kind == .missing
        }
    }

    /// nil when they cannot be listed; a directory that had files before does not go away by itself.
    private func servicePaths(
        _ reader: any SourceReader,
        hadFiles: Bool,
        _ result: inout DPVSConf
    ) -> [String]? {
        guard case .directory(let directory, let isNeeded) = services else {
            if case .files(let paths) = services { return paths }
            return []
        }
        do throws(SourceError) {
            let names = try reader.list(directory)
                .filter { !$0.hasPrefix(".") && ($0.hasSuffix(".yaml") || $0.hasSuffix(".yml")) }
            guard names.count <= Self.mostFiles else {
                let message = "it has more than \(Self.mostFiles) service files"
                throw SourceError(path: directory, message: message)
            }
            return names.map { "\(directory)/\($0)" }
        } catch {
            // No directory is no services, unless somebody has named it.
            guard error.kind == .missing, hadFiles else {
                let isFine = error.kind == .missing && !isNeeded
                complain(error, isFine ? .warning : .error, &result)
                return nil
            }
            let message = "it had service files and is gone; leave it there, empty, to have none"
            complain(SourceError(path: directory, message: message), .error, &result)
            return nil
        }
    }

    private func complain(
        _ error: SourceError,
        _ severity: Diagnostic.Severity,
        _ result: inout DPVSConf
    ) {
        let location = TextLocation(file: error.path, line: 1, column: 1)
        let message = "cannot be read: \(error.message)"
        result.diagnostics.append(Diagnostic(severity, at: location, path: "", message))
        result.isPassing = result.isPassing || error.isPassing
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
        if let directory = servicesDirectory, path.hasPrefix(directory + "/") {
            return "services/" + path.dropFirst(directory.count + 1)
        }
        return path.hasPrefix(folder) ? String(path.dropFirst(folder.count)) : path
    }
}
