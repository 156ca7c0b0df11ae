// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import YAML

/// Applies edits one after another; each sees what those before it have made.
struct Editor {
    var layer: RuntimeLayer
    let files: DesiredState
    let request: String
    var places = PlacedObjects()
    var diagnostics: [Diagnostic] = []

    init(layer: RuntimeLayer, files: DesiredState, request: String) {
        self.layer = layer
        self.files = files
        self.request = request
    }

    mutating func apply(_ edit: EditBatch.Edit) {
        switch edit.kind {
        case "service": apply(edit, EditableKinds.service)
        case "backend": applyToBackend(edit)
        case "address": apply(edit, EditableKinds.address)
        case "route": apply(edit, EditableKinds.route)
        case "neighbour": apply(edit, EditableKinds.neighbour)
        default:
            if isTunnel(edit.node) {
                apply(edit, EditableKinds.tunnel)
            } else {
                apply(edit, EditableKinds.vlan)
            }
        }
    }

    /// Interfaces of both kinds have one name space.
    private func isTunnel(_ node: YAMLNode) -> Bool {
        if node.value(of: "tunnel") != nil { return true }
        return object { (tunnel: TunnelInterface) in tunnel.name == node.value(of: "name")?.text }
            != nil
    }

    // MARK: - Any kind

    private mutating func apply<Object>(_ edit: EditBatch.Edit, _ kind: EditableKind<Object>) {
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
        let key = kind.key(&reader, self)
        diagnostics += reader.diagnostics
        guard let key, reader.diagnostics.isEmpty else { return }
        let theirs = files[keyPath: Object.schema.list].first { $0.key == key }
        let existing = layer.object(key, files: theirs)
        let title = existing.map { Object.schema.title($0) } ?? "\(kind.word) \(key)"
        guard isFit(edit, exists: existing != nil, title) else { return }
        if edit.verb == .remove {
            layer.remove(key, files: theirs)
            return
        }
        let node = existing.map { kind.write($0).merging(edit.node) } ?? edit.node
        put(node, edit.path, edit.node.place, kind, key, theirs)
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

    /// Reads a whole object and makes it what is wanted.
    private mutating func put<Object>(
        _ node: YAMLNode,
        _ path: String,
        _ place: YAMLNode.Place,
        _ kind: EditableKind<Object>,
        _ key: Object.Key,
        _ theirs: Object?
    ) {
        let file = ServiceFile(node, in: kind.list, path: path, request: request)
        diagnostics += file.diagnostics
        guard file.diagnostics.isEmpty, var object = file.objects[keyPath: kind.places].last else {
            return
        }
        guard object.value.key == key else {
            report(
                place,
                path,
                "would make another \(kind.word) of it, \(object.value.key)",
                accepted: "remove it and add the other"
            )
            return
        }
        object.value.owner = theirs?.owner ?? .runtime
        layer.put(object.value, files: theirs)
        places[keyPath: kind.places].append(object)
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
        put(edit, service, place)
    }

    private mutating func put(_ edit: EditBatch.Edit, _ service: Service, _ place: Int?) {
        let change = edit.node.merging(.mapping([("service", .plain("null"))]))
        if edit.verb != .remove {
            // A complaint about a field names it as the request does.
            var file = ServiceFile(.list([]), in: "", path: "", request: request)
            _ = file.readBackend(
                change,
                edit.path,
                request,
                service.key.protocol,
                servicePort: service.key.selector.backendPort
            )
            diagnostics += file.diagnostics
            guard file.diagnostics.isEmpty else { return }
        }
        let kind = EditableKinds.service
        let whole = kind.write(service)
        var backends: [YAMLNode] = []
        if case .sequence(let items) = whole.value(of: "backends")?.content { backends = items }
        switch (edit.verb, place) {
        case (.remove, let place?): backends.remove(at: place)
        case (_, let place?): backends[place] = backends[place].merging(change)
        case (_, nil): backends.append(change)
        }
        let theirs = files.services.first { $0.key == service.key }
        let node = whole.merging(.mapping([("backends", .list(backends))]))
        put(node, service.title, edit.node.place, kind, service.key, theirs)
    }

    /// The service that a backend's edit names.
    private func service(of reader: inout ObjectReader) -> Service? {
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

    /// The first object that is wanted and fits.
    private func object<Object: ConfigurationObject>(
        where fits: (Object) -> Bool
    ) -> Object? {
        let list = Object.schema.list
        if let wanted = layer.wanted[keyPath: list].first(where: fits) { return wanted }
        return files[keyPath: list]
            .first { object in
                guard fits(object), let known = layer.object(object.key, files: object) else {
                    return false
                }
                return fits(known)
            }
    }

    /// By its name, or by its key as messages have it: `tcp 10.0.0.100:80`.
    func service(named name: String) -> Service? {
        object { $0.name == name } ?? object { (service: Service) in "\(service.key)" == name }
    }

    func reportUnknown(_ name: String, _ field: String, _ reader: inout ObjectReader) {
        let names = (layer.wanted.services + files.services).map(\.name)
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
