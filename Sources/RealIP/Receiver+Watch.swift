// SPDX-License-Identifier: Apache-2.0
import BPF
import Linux

// What others do to interfaces and control groups while a receiver runs, and its end.
extension Receiver {
    /// Others may have taken our program away with their own, or the interface was made anew.
    func watchFilters() {
        for (index, filter) in filters.enumerated() {
            let name = filter.interface
            do {
                let place = try IngressFilter(onInterface: name)
                if try place == filter && isInPlace(filter) {
                    troubles[name] = nil
                    continue
                }
                try place.put(loaded.object.descriptor(of: ReceiverPrograms.ingress))
                filters[index] = place
                troubles[name] = nil
                let what = place == filter ? "somebody took the program away" : "it was made anew"
                say("\(name): \(what), its packets are read again")
            } catch {
                note("\(error)", about: name)
            }
        }
    }

    /// Whether our program is there; throws when another receiver's is.
    private func isInPlace(_ filter: IngressFilter) throws -> Bool {
        guard let program = filter.program else { return false }
        guard try program == loaded.object.number(of: ReceiverPrograms.ingress) else {
            throw ReceiverError.interfaceIsLost(filter.interface)
        }
        return true
    }

    /// A control group that is made anew, as that of a unit that starts again, is served again.
    func watchGroups() {
        for (index, attachment) in attachments.enumerated() {
            let group = attachment.group
            let inode = Files.identity(of: group)?.inode
            if inode == attachment.inode {
                troubles[group] = nil
                continue
            }
            if inode == nil {
                note("the control group \(group) is gone: nobody there is served", about: group)
                continue
            }
            do throws(ReceiverError) {
                attachments[index] = try loaded.attach(toGroup: group, pins: pins)
                for pin in attachment.pins { Files.remove(pin) }
                troubles[group] = nil
                say("the control group \(group) was made anew and is served again")
            } catch {
                note("\(error)", about: group)
            }
        }
    }

    private func note(_ trouble: String, about subject: String) {
        if troubles[subject] == nil { say(trouble) }
        troubles[subject] = trouble
    }

    // MARK: - The end

    /// Takes everything out of the kernel: from now on it refuses protocol 248.
    package func detach() {
        pins?.remove()
        attachments = []
        for filter in filters {
            do {
                _ = try filter.remove()
            } catch {
                say("\(error)")
            }
        }
    }
}
