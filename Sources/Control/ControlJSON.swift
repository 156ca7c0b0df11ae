// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// How values are written on the control socket, by both sides: ISO 8601 times, keys in order.
package enum ControlJSON {
    package static func encode(_ value: some Encodable, pretty: Bool = false) throws -> Data {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        return try encoder.encode(value)
    }

    /// For people and scripts, as `--json` prints it; ends with a line break.
    package static func text(_ value: some Encodable) throws -> String {
        String(decoding: try encode(value, pretty: true), as: UTF8.self) + "\n"
    }

    package static func decode<Value: Decodable>(
        _ type: Value.Type,
        from data: Data
    ) throws -> Value {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return try decoder.decode(type, from: data)
    }
}
