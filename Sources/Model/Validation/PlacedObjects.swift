// SPDX-License-Identifier: Apache-2.0

/// The objects of a state, or of a part of it, each with its place.
package struct PlacedObjects: Sendable {
    package var vlans: [Located<VLANInterface>] = []
    package var tunnels: [Located<TunnelInterface>] = []
    package var addresses: [Located<InterfaceAddress>] = []
    package var routes: [Located<Route>] = []
    package var neighbours: [Located<Neighbour>] = []
    package var sets: [Located<AddressSet>] = []
    package var denials: [Located<Denial>] = []
    package var services: [Located<Service>] = []
    /// Whether something is not here that a file meant to have: what refers to it may be right.
    package var isIncomplete = false

    package init() {}

    /// The objects of `state`: each at the place that it has in `edits` or else in `files`, and one
    /// that is in neither as it is there at a place that says so.
    package init(_ state: DesiredState, edits: PlacedObjects, files: PlacedObjects) {
        func place<Object: ConfigurationObject>(
            _ list: KeyPath<DesiredState, [Object]>,
            _ places: KeyPath<PlacedObjects, [Located<Object>]>
        ) -> [Located<Object>] {
            Self.place(state[keyPath: list], edits[keyPath: places], files[keyPath: places])
        }
        vlans = place(\.vlans, \.vlans)
        tunnels = place(\.tunnels, \.tunnels)
        addresses = place(\.addresses, \.addresses)
        routes = place(\.routes, \.routes)
        neighbours = place(\.neighbours, \.neighbours)
        sets = place(\.sets, \.sets)
        denials = place(\.denials, \.denials)
        services = place(\.services, \.services)
        isIncomplete = files.isIncomplete
    }

    private static func place<Object: ConfigurationObject>(
        _ objects: [Object],
        _ edits: [Located<Object>],
        _ files: [Located<Object>]
    ) -> [Located<Object>] {
        let edited = Dictionary(edits.map { ($0.value.key, $0) }) { $1 }
        // Made when some object is not where it was.
        var byKey: [Object.Key: Located<Object>]?
        return objects.enumerated()
            .map { index, object in
                if index < files.count, files[index].value == object { return files[index] }
                if let place = edited[object.key], place.value == object { return place }
                if index < files.count, files[index].value.key == object.key {
                    return Located(object, path: Object.schema.title(object), at: .runtime)
                }
                let all =
                    byKey ?? Dictionary(files.map { ($0.value.key, $0) }) { first, _ in first }
                byKey = all
                if let place = all[object.key], place.value == object { return place }
                return Located(object, path: Object.schema.title(object), at: .runtime)
            }
    }

    /// Makes services that are equal to those of an earlier reading, at the same position, the same in
    /// memory: many states are remembered, and whoever compares them is done at once.
    package mutating func share(with earlier: PlacedObjects) {
        for (index, known) in zip(services.indices, earlier.services)
        where services[index].value == known.value {
            services[index].value = known.value
        }
        for (index, known) in zip(sets.indices, earlier.sets) where sets[index].value == known.value
        {
            sets[index].value = known.value
        }
    }

    package mutating func append(_ other: PlacedObjects) {
        vlans += other.vlans
        tunnels += other.tunnels
        addresses += other.addresses
        routes += other.routes
        neighbours += other.neighbours
        sets += other.sets
        denials += other.denials
        services += other.services
        isIncomplete = isIncomplete || other.isIncomplete
    }

    /// The objects without their places; `services` take the place of those that are here.
    package func state(with settings: Settings, services: [Service]? = nil) -> DesiredState {
        DesiredState(
            settings: settings,
            vlans: vlans.map(\.value),
            tunnels: tunnels.map(\.value),
            addresses: addresses.map(\.value),
            routes: routes.map(\.value),
            neighbours: neighbours.map(\.value),
            sets: sets.map(\.value),
            denials: denials.map(\.value),
            services: services ?? self.services.map(\.value)
        )
    }
}
