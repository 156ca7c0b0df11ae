// SPDX-License-Identifier: Apache-2.0
import Model
import YAML

extension ServiceFile {
    mutating func readProtection(_ reader: inout ObjectReader) -> Protection {
        Protection(
            maxConnections: reader.integer("maxConnections"),
            rateLimit: readRateLimit(reader),
            packetShare: reader.integer("packetShare"),
            expiresQuiescent: reader.flag("expireQuiescent") ?? false,
            drainTimeout: reader.duration("drainTimeout"),
            destCheck: readDestCheck(&reader),
            healthCheck: readHealthCheck(&reader),
            healthPanic: reader.choice("panic") ?? .serveAll
        )
    }

    private mutating func readRateLimit(_ outer: ObjectReader) -> RateLimit {
        guard var reader = nested("rateLimit", ServiceFileSchema.rateLimit, in: outer) else {
            return RateLimit()
        }
        defer { diagnostics += reader.diagnostics }
        return RateLimit(
            connections: reader.integer("connections"),
            packets: reader.integer("packets"),
            bits: reader.integer("bits")
        )
    }

    private mutating func readDestCheck(_ outer: inout ObjectReader) -> DestCheck? {
        if case .scalar(let text, _) = outer.node("destCheck")?.content {
            // What the manual calls the value of a service without it.
            if text == "off" { return nil }
            return outer.parsed("destCheck") { DestCheck($0) }
        }
        guard var reader = nested("destCheck", ServiceFileSchema.destCheck, in: outer) else {
            return nil
        }
        defer { diagnostics += reader.diagnostics }
        var check = DestCheck()
        check.downNotice = reader.integer("downNotice") ?? check.downNotice
        check.upNotice = reader.integer("upNotice") ?? check.upNotice
        check.downWait = reader.duration("downWait") ?? check.downWait
        check.inhibit =
            reader.parsed("inhibit") { DestCheck.range($0, separator: "..") } ?? check.inhibit
        if reader.flag("recovers") == false { check.inhibit = nil }
        return check
    }

    /// A reader of the mapping under `key`, when there is one.
    private mutating func nested(
        _ key: String,
        _ object: ServiceFileSchema.Object,
        in outer: ObjectReader
    ) -> ObjectReader? {
        guard let node = outer.node(key) else { return nil }
        let path = outer.fullPath(key)
        return ObjectReader(node, object, path: path, file: outer.file, into: &diagnostics)
    }
}
