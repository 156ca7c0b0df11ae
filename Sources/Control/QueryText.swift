// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A path with the parameters of a query behind it.
package struct QueryText: Sendable {
    private let path: String
    private var parameters: [String] = []

    package init(_ path: String) { self.path = path }

    package mutating func append(_ name: String, _ value: String) {
        let escaped = value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        parameters.append("\(name)=\(escaped)")
    }

    package var text: String {
        parameters.isEmpty ? path : path + "?" + parameters.joined(separator: "&")
    }
}
