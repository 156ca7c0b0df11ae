// SPDX-License-Identifier: Apache-2.0
import BPF

/// What receivers leave on interfaces.
package enum ReceiverFilters {
    /// Takes it away; false when there was nothing.
    package static func remove(from interface: String) throws(ReceiverError) -> Bool {
        do {
            return try IngressFilter(onInterface: interface).remove()
        } catch {
            throw error as? ReceiverError ?? .kernel(error as? BPFError)
        }
    }
}
