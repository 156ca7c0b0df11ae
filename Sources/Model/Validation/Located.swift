// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// An object with the place where somebody wrote it.
package struct Located<Value: Sendable>: Sendable {
    package var value: Value
    /// `services[2]`.
    package var path: String
    package var location: TextLocation
    /// Places of single fields, for complaints that take several objects to see.
    package var fields: [String: TextLocation]
    /// Whether some field could not be read, so that what it has instead means nothing.
    package var isBroken: Bool
    /// What was said of the object when it was checked; nil: nobody remembers.
    let memory: CheckMemory?

    package init(
        _ value: Value,
        path: String,
        at location: TextLocation,
        fields: [String: TextLocation] = [:],
        isBroken: Bool = false,
        isRemembered: Bool = false
    ) {
        self.value = value
        self.path = path
        self.location = location
        self.fields = fields
        self.isBroken = isBroken
        memory = isRemembered ? CheckMemory() : nil
    }

    package func location(of field: String) -> TextLocation { fields[field] ?? location }
}

/// What was said of one object, and in which surroundings.
final class CheckMemory: Sendable {
    private struct Content {
        var surroundings: StateChecker.Surroundings
        var diagnostics: [Diagnostic]
    }

    private let content = Mutex<Content?>(nil)

    /// nil: the object was not checked in these surroundings.
    func diagnostics(in surroundings: StateChecker.Surroundings) -> [Diagnostic]? {
        content.withLock { known in
            guard let known, known.surroundings === surroundings else { return nil }
            return known.diagnostics
        }
    }

    func keep(_ diagnostics: [Diagnostic], in surroundings: StateChecker.Surroundings) {
        content.withLock { $0 = Content(surroundings: surroundings, diagnostics: diagnostics) }
    }
}

/// Remembers the surroundings of the last check, so that what did not change is not checked again.
package final class CheckCache: Sendable {
    private let surroundings = Mutex<StateChecker.Surroundings?>(nil)
    private let census = Mutex<StateChecker.Census?>(nil)

    package init() {}

    /// That of the last state without ambiguous services, if they are found by the same.
    func census(of checker: StateChecker) -> StateChecker.Census {
        if let known = census.withLock({ $0 }), known.isOf(checker) { return known }
        return StateChecker.Census(checker)
    }

    /// Keeps a census of services that are unambiguous.
    func keep(_ census: StateChecker.Census) {
        var census = census
        census.isUnambiguous = true
        self.census.withLock { $0 = census }
    }

    /// The same object as last time where the surroundings are the same, so that comparing them
    /// costs nothing.
    func remembered(_ current: StateChecker.Surroundings) -> StateChecker.Surroundings {
        surroundings.withLock { known in
            if let known, known == current { return known }
            known = current
            return current
        }
    }
}
