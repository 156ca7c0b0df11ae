// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import YAML

/// A kind of object as edits speak of it.
struct EditableKind<Object: ConfigurationObject>: Sendable {
    /// `service`; the list of service files is `list`.
    var word: String
    var list: String
    var schema: ServiceFileSchema.Object
    var places: any WritableKeyPath<PlacedObjects, [Located<Object>]> & Sendable
    var write: @Sendable (Object) -> YAMLNode
    /// Which object an edit means; complains when it does not say.
    var key: @Sendable (inout ObjectReader, inout Editor) -> Object.Key?
}

/// The kinds that edits know.
enum EditableKinds {
    static let words = [
        "service", "backend", "interface", "address", "route", "neighbour", "set", "deny",
    ]

    private static let writer = ServiceFileWriter(showsSecrets: true)

    static func document(of backend: Backend, _ transport: TransportProtocol) -> YAMLNode {
        writer.document(of: backend, transport)
    }

    static let vlan = EditableKind<VLANInterface>(
        word: "interface",
        list: "interfaces",
        schema: ServiceFileSchema.interface,
        places: \.vlans,
        write: { writer.document(of: $0) },
        key: { reader, _ in
            if reader.node("name") != nil { return reader.text("name") }
            guard var vlan = reader.object("vlan"), let link = vlan.text("link"),
                let id = vlan.integer("id")
            else {
                reader.reportMissing("name")
                return nil
            }
            return VLANInterface.name(link: link, id: id, innerID: vlan.integer("innerID"))
        }
    )

    static let tunnel = EditableKind<TunnelInterface>(
        word: "interface",
        list: "interfaces",
        schema: ServiceFileSchema.interface,
        places: \.tunnels,
        write: { writer.document(of: $0) },
        key: { reader, _ in
            if reader.node("name") == nil { reader.reportMissing("name") }
            return reader.text("name")
        }
    )

    static let address = EditableKind<InterfaceAddress>(
        word: "address",
        list: "addresses",
        schema: ServiceFileSchema.address,
        places: \.addresses,
        write: { writer.document(of: $0) },
        key: { reader, _ in
            reader.require("interface", "address")
            let address = reader.parsed("address") { IPPrefix($0)?.address }
            guard let interface = reader.text("interface"), let address else { return nil }
            return InterfaceAddress.Key(interface: interface, address: address)
        }
    )

    static let route = EditableKind<Route>(
        word: "route",
        list: "routes",
        schema: ServiceFileSchema.route,
        places: \.routes,
        write: { writer.document(of: $0) },
        key: { reader, _ in
            reader.require("to")
            let gateway = reader.address("via")
            return reader.destination("to", gateway?.family ?? .ipv4)
                .map { Route.Key(destination: $0) }
        }
    )

    static let neighbour = EditableKind<Neighbour>(
        word: "neighbour",
        list: "neighbours",
        schema: ServiceFileSchema.neighbour,
        places: \.neighbours,
        write: { writer.document(of: $0) },
        key: { reader, _ in
            reader.require("interface", "address")
            guard let interface = reader.text("interface"), let address = reader.address("address")
            else { return nil }
            return Neighbour.Key(interface: interface, address: address)
        }
    )

    static let set = EditableKind<AddressSet>(
        word: "set",
        list: "sets",
        schema: ServiceFileSchema.set,
        places: \.sets,
        write: { writer.document(of: $0) },
        key: { reader, _ in
            reader.require("name")
            return reader.text("name")
        }
    )

    static let denial = EditableKind<Denial>(
        word: "deny",
        list: "deny",
        schema: ServiceFileSchema.denial,
        places: \.denials,
        write: { writer.document(of: $0) },
        key: { reader, _ in
            reader.require("source")
            return reader.parsed("source") { AddressSource($0) }
        }
    )

    static let service = EditableKind<Service>(
        word: "service",
        list: "services",
        schema: ServiceFileSchema.service,
        places: \.services,
        write: { writer.document(of: $0) },
        key: { reader, editor in
            if ["address", "match", "fwmark"].contains(where: { reader.node($0) != nil }) {
                let transport: TransportProtocol = reader.choice("protocol") ?? .tcp
                return ServiceFile.readSelector(&reader, transport)
                    .map { Service.Key($0, transport) }
            }
            guard reader.node("name") != nil else {
                reader.reportMissing("name")
                return nil
            }
            guard let name = reader.text("name") else { return nil }
            if let service = editor.service(named: name) { return service.key }
            editor.reportUnknown(name, "name", &reader)
            return nil
        }
    )
}

extension ObjectReader {
    /// Complains about each of the fields that is not there.
    fileprivate mutating func require(_ keys: String...) {
        for key in keys where node(key) == nil { reportMissing(key) }
    }
}
