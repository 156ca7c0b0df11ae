// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

extension Change: CustomStringConvertible {
    /// One line: `service web (tcp 10.0.0.100:80): backend 10.0.1.3:80 weight 100 → 50`.
    package var description: String {
        switch self {
        case .item(let path, let old, let new): Self.item(path, old, new)
        case .blocks(let blocks, let old, let new): Self.blocks(blocks, old, new)
        case .addVLAN(let vlan, _): "interface \(vlan.name) (\(vlan.way)) added"
        case .changeVLAN(let old, let new):
            "interface \(old.name): " + new.differences(from: old).joined(separator: ", ")
        case .removeVLAN(let vlan): "interface \(vlan.name) (\(vlan.way)) removed"
        case .addTunnel(let tunnel, _): "interface \(tunnel.name) (\(tunnel.way)) added"
        case .changeTunnel(let old, let new):
            "interface \(old.name): " + new.differences(from: old).joined(separator: ", ")
        case .removeTunnel(let tunnel): "interface \(tunnel.name) (\(tunnel.way)) removed"
        case .addAddress(let address, _):
            "address \(address.prefix) on \(address.interface) added"
        case .changeAddress(let old, let new):
            "address \(old.key): " + new.differences(from: old).joined(separator: ", ")
        case .removeAddress(let address):
            "address \(address.prefix) on \(address.interface) removed"
        case .addRoute(let route, _): "route \(route.key)\(route.way) added"
        case .changeRoute(let old, let new):
            "route \(old.key): " + new.differences(from: old).joined(separator: ", ")
        case .removeRoute(let route): "route \(route.key)\(route.way) removed"
        case .addNeighbour(let neighbour, _):
            "neighbour \(neighbour.key) at \(neighbour.macAddress) added"
        case .changeNeighbour(let old, let new):
            "neighbour \(old.key): " + new.differences(from: old).joined(separator: ", ")
        case .removeNeighbour(let neighbour):
            "neighbour \(neighbour.key) at \(neighbour.macAddress) removed"
        case .addService(let service, _):
            "\(ServiceTitle(service)) added with \(Self.count(service.backends.count, "backend"))"
        case .changeService(let old, let new):
            "\(ServiceTitle(old)): " + new.differences(from: old).joined(separator: ", ")
        case .removeService(let service): "\(ServiceTitle(service)) removed"
        case .addBackend(let backend, let title, _):
            "\(title): backend \(backend.endpoint) weight \(backend.weight) added"
        case .changeBackend(let title, let old, let new):
            "\(title): backend \(old.endpoint) "
                + new.differences(from: old).joined(separator: ", ")
        case .removeBackend(let backend, let title):
            "\(title): backend \(backend.endpoint) removed"
        case .order(.vlans): "interfaces reordered"
        case .order(.tunnels): "tunnels reordered"
        case .order(.addresses): "addresses reordered"
        case .order(.routes): "routes reordered"
        case .order(.neighbours): "neighbours reordered"
        case .order(.services): "services reordered"
        case .order(.backends(let title, _)): "\(title): backends reordered"
        }
    }

    private static func item(_ path: String, _ old: ItemValue?, _ new: ItemValue?) -> String {
        let standard = ItemCatalogue.item(path)?.defaultValue
        let (before, after) = (old ?? standard, new ?? standard)
        let text = after?.description ?? "(none)"
        guard before == after else {
            return "\(path): \(before?.description ?? "(none)") → \(text)"
        }
        return new == nil ? "\(path): still \(text), by default" : "\(path): still \(text), by file"
    }

    private static func blocks(_ kind: Blocks, _ old: [NamedBlock], _ new: [NamedBlock]) -> String {
        let blocks = ListDifference(from: old, to: new, by: \.name)
        let parts =
            blocks.added.map { "\($0.element.name) added" }
            + blocks.changed.map { "\($0.to.name) changed" }
            + blocks.removed.map { "\($0.name) removed" }
        return "\(kind.rawValue): " + (parts.isEmpty ? "reordered" : parts.joined(separator: ", "))
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
    }
}
