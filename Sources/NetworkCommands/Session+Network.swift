// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import Model

extension Session {
    // MARK: - Addresses

    func run(_ command: AddressCommand) async throws {
        switch command {
        case .show(let device):
            try await demand(device)
            try await show {
                try await addresses(on: device).filter { isOfFamily($0.prefix.address) }
            } _: { addresses in
                addresses.map { $0.text(options) }.joined()
            }
        case .flush(let device):
            try await demand(device)
            let all = try await addresses(on: device)
                .filter { $0.isGiven && isOfFamily($0.prefix.address) }
            noteKernel(all.filter { $0.owner == Owner.kernel.description }.count, "addresses")
            var edits = EditList()
            for address in all where address.owner != Owner.kernel.description {
                edits.append(.remove, "address", fields(address.prefix, device))
            }
            try await apply(edits)
        case .add(let settings):
            try noteUnused(of: settings)
            try await change(.add, settings)
        case .set(let settings):
            try noteUnused(of: settings)
            try await change(.set, settings)
        case .del(let settings): try await change(.remove, settings)
        }
    }

    private func addresses(on device: String?) async throws -> [AddressStatus] {
        try await client.get("/v1/addresses", as: [AddressStatus].self)
            .filter { device == nil || $0.interface == device }
    }

    private func change(
        _ verb: EditList.Verb,
        _ settings: AddressCommand.Settings
    ) async throws {
        var edits = EditList()
        edits.append(verb, "address", fields(settings.prefix, settings.device))
        try await apply(edits)
    }

    private func fields(_ prefix: IPPrefix, _ device: String) -> [String: EditList.Value?] {
        ["interface": .text(device), "address": .text("\(prefix)")]
    }

    private func noteUnused(of settings: AddressCommand.Settings) throws {
        guard settings.lifetime == nil else {
            throw CommandFailure(
                "addresses stay until they are removed: valid_lft can only be forever"
            )
        }
        if settings.broadcast != nil { note("broadcast has no effect: nothing is sent there") }
    }

    private func noteKernel(_ count: Int, _ what: String) {
        if count > 0 { note("\(count) \(what) are the kernel's and stay: remove them there") }
    }

    // MARK: - Routes

    func run(_ command: RouteCommand) async throws {
        switch command {
        case .show(let device):
            try await demand(device)
            try await show {
                try await routes(on: device)
                    .filter { isOfFamily($0.destination.address) }
            } _: { routes in
                routes.map(\.text).joined()
            }
        case .flush(let device):
            try await demand(device)
            let all = try await routes(on: device)
                .filter { $0.isGiven && isOfFamily($0.destination.address) }
            noteKernel(all.filter { $0.owner == Owner.kernel.description }.count, "routes")
            var edits = EditList()
            for route in all where route.owner != Owner.kernel.description {
                edits.append(.remove, "route", ["to": .text("\(route.destination)")])
            }
            try await apply(edits)
        case .add(let settings): try await change(.add, settings)
        case .set(let settings): try await change(.set, settings)
        case .del(let settings): try await remove(settings)
        }
    }

    private func routes(on device: String?) async throws -> [RouteStatus] {
        try await client.get("/v1/routes", as: [RouteStatus].self)
            .filter { device == nil || $0.interface == device }
    }

    private func change(_ verb: EditList.Verb, _ route: RouteCommand.Settings) async throws {
        var edits = EditList()
        if route.scope == "host" {
            // What is for us is for us because an address is ours.
            guard route.destination.isHost else {
                throw CommandFailure(
                    "\(route.destination) is a network: only an address can be our own"
                )
            }
            let device = try route.deviceForScope()
            edits.append(verb, "address", fields(route.destination, device))
        } else {
            let isForKernel = route.scope == RouteScope.kniHost.rawValue
            if isForKernel, !route.destination.isHost {
                throw CommandFailure(
                    "\(route.destination) is a network: kni_host is for an address"
                )
            }
            edits.append(
                verb,
                "route",
                [
                    "to": .text("\(route.destination)"),
                    "via": route.gateway.map { .text("\($0)") },
                    "interface": isForKernel
                        ? .text(try route.deviceForScope()) : route.device.map { .text($0) },
                    "mtu": route.mtu.flatMap { $0 == 0 ? nil : .number($0) },
                    "scope": isForKernel ? .text(RouteScope.kniHost.rawValue) : nil,
                ]
            )
        }
        try await apply(edits)
        await noteUnused(of: route)
    }

    /// A route that goes another way than was said is not the one that is meant.
    private func remove(_ route: RouteCommand.Settings) async throws {
        var edits = EditList()
        if route.scope == "host" {
            edits.append(
                .remove,
                "address",
                fields(route.destination, try route.deviceForScope())
            )
            try await apply(edits)
            return
        }
        let known = try await routes(on: nil)
            .first { $0.isGiven && $0.destination == route.destination }
        if let known {
            let way = (known.gateway.map { " via \($0)" } ?? "") + " dev \(known.interface)"
            let isOther =
                route.device.map { $0 != known.interface } ?? false
                || route.gateway.map { $0 != known.gateway } ?? false
            if isOther {
                throw CommandFailure("there is no such route: \(known.destination) goes\(way)")
            }
        }
        edits.append(.remove, "route", ["to": .text("\(route.destination)")])
        try await apply(edits)
    }

    private func noteUnused(of route: RouteCommand.Settings) async {
        if let metric = route.metric, metric != 0 {
            note("metric has no effect: there is one route to a network")
        }
        guard let source = route.source else { return }
        let made = try? await routes(on: nil)
            .first { $0.isGiven && $0.destination == route.destination }
        if let used = made?.source, used != source {
            note("src has no effect: what is sent from here has the source \(used)")
        }
    }

    // MARK: - Neighbours and groups

    func run(_ command: NeighbourCommand) async throws {
        var edits = EditList()
        switch command {
        case .show(let device):
            try await demand(device)
            try await show {
                try await client.get("/v1/neighbours", as: [NeighbourStatus].self)
                    .filter { device == nil || $0.interface == device }
                    .filter { isOfFamily($0.address) }
            } _: { neighbours in
                neighbours.map(\.text).joined()
            }
        case .add(let address, let mac, let device):
            edits.append(
                .add,
                "neighbour",
                [
                    "interface": .text(device), "address": .text("\(address)"),
                    "mac": .text("\(mac)"),
                ]
            )
        case .del(let address, let device):
            edits.append(
                .remove,
                "neighbour",
                ["interface": .text(device), "address": .text("\(address)")]
            )
        }
        try await apply(edits)
    }

    func showGroups(of device: String?) async throws {
        try await demand(device)
        try await show {
            try await client.get("/v1/multicast", as: [GroupStatus].self)
                .filter { device == nil || $0.interface == device }
        } _: { groups in
            groups.map { $0.text(isVerbose: options.isVerbose) }.joined()
        }
    }

    // MARK: - Flow rules

    /// What the old program did by a rule in the card is a route to the kernel here.
    func run(_ command: FlowCommand) async throws {
        var edits = EditList()
        switch command {
        case .show(let device):
            try await demand(device)
            try await show {
                try await kernelRoutes(on: device)
            } _: { routes in
                routes.map { "kni addr flow \($0.destination.address) dev \($0.interface)\n" }
                    .joined()
            }
        case .add(let address, let device):
            edits.append(
                .add,
                "route",
                [
                    "to": .text("\(IPPrefix(host: address))"), "interface": .text(device),
                    "scope": .text(RouteScope.kniHost.rawValue),
                ]
            )
        case .del(let address, let device):
            let route = try await kernelRoutes(on: device)
                .first { $0.destination.address == address }
            guard route != nil else {
                throw CommandFailure("there is no flow of \(address) on \(device)")
            }
            edits.append(.remove, "route", ["to": .text("\(IPPrefix(host: address))")])
        case .flush(let device):
            try await demand(device)
            for route in try await kernelRoutes(on: device) {
                edits.append(.remove, "route", ["to": .text("\(route.destination)")])
            }
        }
        try await apply(edits)
    }

    private func kernelRoutes(on device: String?) async throws -> [RouteStatus] {
        try await routes(on: device)
            .filter { $0.isGiven && $0.scope == .kniHost && isOfFamily($0.destination.address) }
    }
}

extension RouteCommand.Settings {
    fileprivate func deviceForScope() throws -> String {
        guard let device else { throw CommandFailure("the device is missing (dev NAME)") }
        return device
    }
}
