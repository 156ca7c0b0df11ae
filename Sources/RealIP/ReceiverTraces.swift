// SPDX-License-Identifier: Apache-2.0
import BPF

/// What receivers leave in the kernel.
package enum ReceiverTraces {
    /// Throws when a receiver runs that uses one of the interfaces, or has the name.
    package static func refuseWhileUsed(
        _ interfaces: [String],
        name: String?
    ) async throws(ReceiverError) {
        for receiver in await ReceiverPlace.running() {
            let used = receiver.interfaces.contains { interfaces.contains($0.name) }
            if receiver.name == name || used && receiver.isInThisNetwork {
                throw .stillRuns(receiver)
            }
        }
    }

    /// Takes away what reads the packets of an interface; false when there was nothing.
    package static func remove(from interface: String) throws(ReceiverError) -> Bool {
        do {
            return try IngressFilter(onInterface: interface).remove()
        } catch {
            throw error as? ReceiverError ?? .kernel(error as? BPFError)
        }
    }
}
