// SPDX-License-Identifier: Apache-2.0
import Linux
import Logging
import Model
import Networking
import Provisioning
import Synchronization

/// Companions of VLANs, which come and go with the configuration.
extension Companions: CompanionRegistry {
    func prepare(_ requests: [CompanionRequest]) throws(ProvisioningError) -> Set<InterfaceID> {
        let known = table.withLock { $0 }
        var plan = Plan(all.filter { !$0.value.isOfVLAN })
        for request in requests {
            do throws(CompanionError) {
                try add(request, to: &plan, known)
            } catch {
                let text = request.complaint(error)
                // What has gone without one until now goes on so.
                let isExcused =
                    request.type == .auto
                    && (error.isExcused || known.lacking[request.interface]?.request == request)
                guard isExcused else {
                    for companion in plan.fresh { companion.close() }
                    throw ProvisioningError(text)
                }
                plan.lacking[request.interface] = Lacking(request: request, text: text)
                if known.lacking[request.interface]?.text != text { logger.warning("\(text)") }
            }
        }
        table.withLock { $0.plan = plan }
        return Set(plan.companions.keys).intersection(requests.map(\.interface))
    }

    private func add(
        _ request: CompanionRequest,
        to plan: inout Plan,
        _ known: borrowing Table
    ) throws(CompanionError) {
        if let other = plan.companions.values.first(where: { $0.name == request.name }) {
            throw CompanionError("it is \(other.request.interfaceName)'s", lack: .name)
        }
        let before = known.current.values.filter(\.isOfVLAN) + known.leaving
        let same = before.first { $0.name == request.name }
        if let same, same.tap?.isAttached(to: request.name) == true {
            plan.companions[request.interface] = try adapt(same, to: request)
            return
        }
        do throws(CompanionError) {
            let made = try maker.make(request)
            plan.fresh.append(made)
            plan.companions[request.interface] = made
        } catch {
            // Somebody has deleted or renamed it. That must not hold up what is asked for beside it.
            guard let same, same.request == request else { throw error }
            plan.companions[request.interface] = same
        }
    }

    /// The same interface of the kernel for what is asked now.
    private func adapt(
        _ known: LiveCompanion,
        to request: CompanionRequest
    ) throws(CompanionError) -> LiveCompanion {
        guard known.request.isTunnel == request.isTunnel else {
            throw CompanionError("it is of another kind of interface still", lack: .name)
        }
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
        let plan = table.withLock { table in
            defer { table.plan = nil }
            return table.plan
        }
        for companion in plan?.fresh ?? [] { companion.close() }
    }

    func show() {
        let (before, now, moved) = table.withLock { table in
            let before = table.current
            if let plan = table.plan {
                (table.current, table.lacking) = (plan.companions, plan.lacking)
            }
            table.plan = nil
            let kept = Set(table.current.values.map(\.identity))
            let old = before.values + table.leaving
            table.leaving = old.filter { !kept.contains($0.identity) }
            return (before, table.current, old.filter { kept.contains($0.identity) })
        }
        // What has moved leaves its old interface first: nobody has it twice.
        for interface in Set(moved.map(\.request.interface)) where now[interface] == nil {
            set(nil, of: interface)
        }
        let changed = now.values.filter { companion in
            let old = before[companion.request.interface]
            return old?.request != companion.request || old?.identity != companion.identity
        }
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
