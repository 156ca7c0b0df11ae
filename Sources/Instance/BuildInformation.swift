// SPDX-License-Identifier: Apache-2.0
import DPDK

/// What this program is and was built from.
package enum BuildInformation {
    static let version = "0.1.0"
    /// The compiler's own version, as it names its language.
    #if swift(>=6.3)
    static let swift = "6.3"
    #else
    static let swift = "6.2"
    #endif

    package static var text: String { "dpvs \(version) (\(Environment.version), Swift \(swift))" }
}
