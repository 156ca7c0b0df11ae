// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import YAML

/// Applies edits one after another; each sees what those before it have made.
struct Editor {
    let request: String
    var places = PlacedObjects()
    var diagnostics: [Diagnostic] = []
    private var vlans: EditDesk<VLANInterface>
    private var tunnels: EditDesk<TunnelInterface>
    private var addresses: EditDesk<InterfaceAddress>
    private var routes: EditDesk<Route>
    private var neighbours: EditDesk<Neighbour>
    private var sets: EditDesk<AddressSet>
    private var denials: EditDesk<Denial>
    private var services: EditDesk<Service>
    /// Keys of services by their names, once somebody asked by name.
    private var keysByName: [String: Service.Key]?

    init(layer: RuntimeLayer, files: DesiredState, request: String) {
        self.request = request
        vlans = EditDesk(layer, files: files.vlans)
        tunnels = EditDesk(layer, files: files.tunnels)
        addresses = EditDesk(layer, files: files.addresses)
        routes = EditDesk(layer, files: files.routes)
        neighbours = EditDesk(layer, files: files.neighbours)
        sets = EditDesk(layer, files: files.sets)
        denials = EditDesk(layer, files: files.denials)
        services = EditDesk(layer, files: files.services)
    }

    /// The edits that count when all were applied.
    var layer: RuntimeLayer {
        var layer = RuntimeLayer()
        vlans.leave(in: &layer)
        tunnels.leave(in: &layer)
        addresses.leave(in: &layer)
        routes.leave(in: &layer)
        neighbours.leave(in: &layer)
        sets.leave(in: &layer)
        denials.leave(in: &layer)
        services.leave(in: &layer)
        return layer
    }

    mutating func apply(_ edit: EditBatch.Edit) {
        switch edit.kind {
        case "service": apply(edit, EditableKinds.service, \.services)
        case "backend": applyToBackend(edit)
        case "address": apply(edit, EditableKinds.address, \.addresses)
        case "route": apply(edit, EditableKinds.route, \.routes)
        case "neighbour": apply(edit, EditableKinds.neighbour, \.neighbours)
        case "set": apply(edit, EditableKinds.set, \.sets)
        case "deny": apply(edit, EditableKinds.denial, \.denials)
        default:
            if isTunnel(edit.node) {
                apply(edit, EditableKinds.tunnel, \.tunnels)
            } else {
                apply(edit, EditableKinds.vlan, \.vlans)
            }
        }
    }

    /// Interfaces of both kinds have one name space.
    private mutating func isTunnel(_ node: YAMLNode) -> Bool {
        if node.value(of: "tunnel") != nil { return true }
        return node.value(of: "name")?.text.flatMap { tunnels.object($0) } != nil
    }

    // MARK: - Any kind

    private mutating func apply<Object>(
        _ edit: EditBatch.Edit,
        _ kind: EditableKind<Object>,
        _ desk: WritableKeyPath<Editor, EditDesk<Object>>
    ) {
        guard
            var reader = ObjectReader(
                edit.node,
                kind.schema,
                path: edit.path,
                file: request,
                isPartial: true,
                into: &diagnostics
            )
        else { return }
        guard let key = kind.key(&reader, &self) else {
            diagnostics += reader.diagnostics
            return
        }
        let existing = self[keyPath: desk].object(key)
        let title = existing.map { Object.schema.title($0) } ?? "\(kind.word) \(key)"
        guard isFit(edit, exists: existing != nil, title) else { return }
        if edit.verb == .remove {
            diagnostics += reader.diagnostics
            self[keyPath: desk].remove(key)
            noteName(of: existing, becoming: nil)
            return
        }
        // What is wrong with the fields is found when the whole object is read.
        let node = existing.map { kind.write($0).merging(edit.node) } ?? edit.node
        let file = ServiceFile(node, in: kind.list, path: edit.path, request: request)
        diagnostics += file.diagnostics
        guard file.diagnostics.isEmpty, var object = file.objects[keyPath: kind.places].last else {
            return
        }
        guard object.value.key == key else {
            report(
                edit.node.place,
                edit.path,
                "would make another \(kind.word) of it, \(object.value.key)",
                accepted: "remove it and add the other"
            )
            return
        }
        object.value = self[keyPath: desk].put(object.value)
        places[keyPath: kind.places].append(object)
        noteName(of: existing, becoming: object.value)
    }

    /// Whether the object is there, or not, as the verb asks.
    private mutating func isFit(_ edit: EditBatch.Edit, exists: Bool, _ title: String) -> Bool {
        switch edit.verb {
        case .add where exists:
            report(edit.node.place, edit.path, "\(title) is there already", accepted: "set or put")
            return false
        case .set where !exists, .remove where !exists:
            let accepted = edit.verb == .set ? "add or put" : nil
            report(edit.node.place, edit.path, "there is no \(title)", accepted: accepted)
            return false
        case .add, .set, .put, .remove: return true
        }
    }

    // MARK: - Backends

    private static let backend = ServiceFileSchema.Object(
        name: "backend",
        fields: ServiceFileSchema.backend.fields + [
            ServiceFileSchema.field("service", .text, "the service, by name or key")
        ]
    )

    /// A backend is a part of its service, and an edit of one leaves the others alone.
    private mutating func applyToBackend(_ edit: EditBatch.Edit) {
        guard
            var reader = ObjectReader(
                edit.node,
                Self.backend,
                path: edit.path,
                file: request,
                isPartial: true,
                into: &diagnostics
            )
        else { return }
        let service = service(of: &reader)
        if reader.node("address") == nil { reader.reportMissing("address") }
        let address = reader.address("address")
        guard let service else {
            diagnostics += reader.diagnostics
            return
        }
        let transport = service.key.protocol
        let port = reader.port(transport, default: Int(service.key.selector.backendPort))
        diagnostics += reader.diagnostics
        guard reader.diagnostics.isEmpty, let address,
            let port = port.flatMap(UInt16.init(exactly:))
        else { return }
        let endpoint = Endpoint(address, port)
        let place = service.backends.firstIndex { $0.endpoint == endpoint }
        let title = "backend \(endpoint) of \(service.title)"
        guard isFit(edit, exists: place != nil, title) else { return }
        var changed = service
        if edit.verb == .remove {
            if let place { changed.backends.remove(at: place) }
        } else {
            guard let backend = read(edit, service, place) else { return }
            if let place {
                changed.backends[place] = backend
            } else {
                changed.backends.append(backend)
            }
        }
        let location = ObjectReader.location(request, edit.node.place)
        changed = services.put(changed)
        places.services.append(Located(changed, path: changed.title, at: location))
    }

    /// The backend that an edit makes of the one at `place`; complaints name fields as the edit does.
    private mutating func read(
        _ edit: EditBatch.Edit,
        _ service: Service,
        _ place: Int?
    ) -> Backend? {
        let transport = service.key.protocol
        let change = edit.node.merging(.mapping([("service", .plain("null"))]))
        let before = place.map { EditableKinds.document(of: service.backends[$0], transport) }
        var file = ServiceFile(.list([]), in: "", path: "", request: request)
        let backend = file.readBackend(
            before.map { $0.merging(change) } ?? change,
            edit.path,
            request,
            transport,
            servicePort: service.key.selector.backendPort,
            check: service.protection.healthCheck
        )
        diagnostics += file.diagnostics
        return file.diagnostics.isEmpty ? backend : nil
    }

    /// The service that a backend's edit names.
    private mutating func service(of reader: inout ObjectReader) -> Service? {
        guard reader.node("service") != nil else {
            reader.reportMissing("service")
            return nil
        }
        guard let name = reader.text("service") else { return nil }
        if let service = service(named: name) { return service }
        reportUnknown(name, "service", &reader)
        return nil
    }

    // MARK: - What is there

    /// By its name, or by its key as messages have it: `tcp 10.0.0.100:80`.
    mutating func service(named name: String) -> Service? {
        let keys = keysByName ?? namedKeys()
        keysByName = keys
        return keys[name].flatMap { services.object($0) }
    }

    private mutating func noteName(of old: (any Sendable)?, becoming new: (any Sendable)?) {
        let (old, new) = (old as? Service, new as? Service)
        if let old, old.name != new?.name { keysByName?[old.name] = nil }
        if let new {
            keysByName?[new.name] = new.key
            keysByName?[new.key.description] = new.key
        }
    }

    private func namedKeys() -> [String: Service.Key] {
        let all = services.objects
        let names = Dictionary(all.map { ($0.name, $0.key) }) { first, _ in first }
        return names.merging(all.map { ($0.key.description, $0.key) }) { name, _ in name }
    }

    mutating func reportUnknown(_ name: String, _ field: String, _ reader: inout ObjectReader) {
        let names = services.objects.map(\.name)
        reader.report(
            reader.node(field)?.place ?? reader.place,
            field,
            "is no service",
            name,
            field == "name" ? "a service that is there; a new one has address and port" : nil,
            suggestion: names.count > Self.mostNames ? nil : nearest(to: name, in: names)
        )
    }

    /// Names that are compared to find what was meant.
    private static let mostNames = 2000

    private mutating func report(
        _ place: YAMLNode.Place,
        _ path: String,
        _ message: String,
        accepted: String? = nil
    ) {
        diagnostics.append(
            Diagnostic(
                .error,
                at: ObjectReader.location(request, place),
                path: path,
                message,
                accepted: accepted
            )
        )
    }
}
