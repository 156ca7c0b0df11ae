// SPDX-License-Identifier: Apache-2.0
import Linux
import Logging
import Model
import Networking
import Provisioning
import Synchronization

/// Companions of VLANs, which come and go with the configuration.
extension Companions: CompanionRegistry {
    func prepare(_ requests: [CompanionRequest]) throws(ProvisioningError) -> Set<Int> {
        let before = table.withLock { table in
            table.current.values.filter(\.isOfVLAN) + table.leaving
        }
        var next = all.filter { !$0.value.isOfVLAN }
        var fresh: [LiveCompanion] = []
        var warnings: [Int: String] = [:]
        for request in requests {
            do throws(CompanionError) {
                if let other = next.values.first(where: { $0.name == request.name }) {
                    throw CompanionError("it is \(other.request.interfaceName)'s", lack: .name)
                }
                if let known = before.first(where: { $0.name == request.name }) {
                    next[request.interface] = try adapt(known, to: request)
                } else {
                    let made = try maker.make(request)
                    fresh.append(made)
                    next[request.interface] = made
                }
            } catch {
                let text = request.complaint(error)
                guard request.type == .auto, error.isExcused else {
                    for companion in fresh { companion.close() }
                    throw ProvisioningError(text)
                }
                warnings[request.interface] = text
            }
        }
        let said = table.withLock { table in
            (table.next, table.fresh) = (next, fresh)
            defer { table.warnings = warnings }
            return table.warnings
        }
        for (interface, text) in warnings where said[interface] != text {
            logger.warning("\(text)")
        }
        return Set(next.keys).intersection(requests.map(\.interface))
    }

    /// The same interface of the kernel for what is asked now.
    private func adapt(
        _ known: LiveCompanion,
        to request: CompanionRequest
    ) throws(CompanionError) -> LiveCompanion {
        guard let tap = known.tap,
            known.request.port != request.port || known.request.mtu != request.mtu
        else {
            var same = known
            same.request = request
            return same
        }
        return try maker.lead(tap, to: request)
    }

    func cancel() {
        let unused = table.withLock { table in
            defer { (table.next, table.fresh) = (nil, []) }
            return table.fresh
        }
        for companion in unused { companion.close() }
    }

    func show() {
        let (before, now, moved) = table.withLock { table in
            let before = table.current
            table.current = table.next ?? before
            (table.next, table.fresh) = (nil, [])
            let names = Set(table.current.values.map(\.name))
            let old = before.values + table.leaving
            table.leaving = old.filter { !names.contains($0.name) }
            return (before, table.current, old.filter { names.contains($0.name) })
        }
        // What has moved leaves its old interface first: nobody has it twice.
        for interface in Set(moved.map(\.request.interface)) where now[interface] == nil {
            set(nil, of: interface)
        }
        let changed = now.values.filter { before[$0.request.interface]?.request != $0.request }
        for companion in changed {
            set(companion, of: companion.request.interface)
            tell(companion)
        }
        if !changed.isEmpty || now.count != before.count { announce() }
    }

    private func tell(_ companion: LiveCompanion) {
        let name = companion.request.interfaceName
        logger.notice("interface \(name): kernel companion \(companion.name) (\(companion.kind))")
    }

    func finish() {
        let (leaving, current) = table.withLock { table in
            defer { table.leaving = [] }
            return (table.leaving, table.current)
        }
        guard !leaving.isEmpty else { return }
        for companion in leaving {
            let interface = companion.request.interface
            if current[interface] == nil { set(nil, of: interface) }
            companion.close()
        }
        announce()
    }
}
