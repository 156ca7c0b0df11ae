// SPDX-License-Identifier: Apache-2.0
package import Model

/// What runs, before the kernel's addresses, routes and neighbours.
struct Layers: Sendable {
    /// What files say, or said when a rollback returned to them.
    var files = DesiredState()
    /// What edits made of it.
    var runtime = RuntimeLayer()
}

/// What a request makes of the edits that count.
package struct EditResult: Sendable {
    /// Means something only when no problem is an error.
    package var layer: RuntimeLayer
    /// Where the request speaks of the objects that it edits.
    package var places: PlacedObjects
    package var problems: [Problem]

    package init(
        layer: RuntimeLayer,
        places: PlacedObjects = PlacedObjects(),
        problems: [Problem] = []
    ) {
        self.layer = layer
        self.places = places
        self.problems = problems
    }
}

/// Another generation runs than the one that edits were made for.
package struct GenerationMismatch: Error, Equatable, CustomStringConvertible {
    package var wanted: UInt64
    package var running: UInt64

    package init(wanted: UInt64, running: UInt64) {
        (self.wanted, self.running) = (wanted, running)
    }

    package var description: String {
        "generation \(running) runs, not \(wanted): somebody has changed the configuration meanwhile"
    }
}
