// SPDX-License-Identifier: Apache-2.0
import Control
import DPDK

/// What this program is and was built from.
package enum BuildInformation {
    static let version = ProgramVersion.number
    /// The compiler's own version, as it names its language.
    #if swift(>=6.3)
    static let swift = "6.3"
    #else
    static let swift = "6.2"
    #endif

    /// The DPDK that is linked, and the one that it was compiled against where that is another.
    static var dpdk: String {
        let (running, built) = (Environment.version, Environment.builtVersion)
        return running == built ? running : "\(running), built with \(built)"
    }

    package static var text: String { "dpvs \(version) (\(dpdk), Swift \(swift))" }
}
