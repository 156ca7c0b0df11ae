// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Services and own addresses of interfaces as they are wanted, while commands change them.
///
/// The values are there already, so nothing is written and read again as a document: a command that
/// changes one service of ten thousand costs what the one costs.
package struct ServiceDraft: Sendable {
    /// What was changed, in the order of the first change of each.
    package enum Subject: Hashable, Sendable {
        case service(Service.Key)
        case address(InterfaceAddress.Key)
    }

    private let layer: RuntimeLayer
    private var serviceDesk: EditDesk<Service>
    private var addressDesk: EditDesk<InterfaceAddress>
    /// Addresses that the kernel has, which no edit changes.
    private let kernel: [InterfaceAddress]
    package private(set) var subjects: [Subject] = []
    private var known: Set<Subject> = []

    /// What files say, the edits that lie over it, and what runs.
    package init(_ layer: RuntimeLayer, files: DesiredState, running: DesiredState) {
        self.layer = layer
        serviceDesk = EditDesk(layer, files: files.services)
        addressDesk = EditDesk(layer, files: files.addresses)
        kernel = running.addresses.filter { $0.owner == .kernel }
    }

    package var isChanged: Bool { !subjects.isEmpty }

    // MARK: - Services

    package mutating func service(_ key: Service.Key) -> Service? { serviceDesk.object(key) }

    /// All that are wanted.
    package var services: [Service] { serviceDesk.objects }

    /// Makes this what is wanted; the same as before is no change.
    package mutating func put(_ service: Service) {
        if serviceDesk.object(service.key) == service { return }
        _ = serviceDesk.put(service)
        note(.service(service.key))
    }

    package mutating func remove(_ key: Service.Key) {
        serviceDesk.remove(key)
        note(.service(key))
    }

    // MARK: - Addresses

    /// The interface's address that is `address`; those of the kernel included.
    package func interfaceAddress(_ address: IPAddress) -> InterfaceAddress? {
        (addressDesk.objects + kernel).first { $0.prefix.address == address }
    }

    package mutating func put(_ address: InterfaceAddress) {
        _ = addressDesk.put(address)
        note(.address(address.key))
    }

    package mutating func remove(_ key: InterfaceAddress.Key) {
        addressDesk.remove(key)
        note(.address(key))
    }

    private mutating func note(_ subject: Subject) {
        if known.insert(subject).inserted { subjects.append(subject) }
    }

    // MARK: - What comes of it

    /// The edits that count now.
    package var result: RuntimeLayer {
        var layer = layer
        var (hasServices, hasAddresses) = (false, false)
        for subject in subjects {
            switch subject {
            case .service: hasServices = true
            case .address: hasAddresses = true
            }
        }
        if hasServices { serviceDesk.leave(in: &layer) }
        if hasAddresses { addressDesk.leave(in: &layer) }
        return layer
    }

    /// The path of complaints about `subjects[index]`, without the field.
    package static func path(_ index: Int) -> String { "\(pathBegin)\(index)]" }

    private static let pathBegin = "draft["
    /// Not that of earlier edits, of which nothing is said again.
    private static let place = TextLocation(file: "command", line: 0, column: 0)

    /// What a path of complaints is about, and the rest of it, such as `.backends[2].weight`; nil when
    /// it is none of a draft.
    package static func read(path: String) -> (index: Int, rest: Substring)? {
        guard path.hasPrefix(pathBegin), let end = path.firstIndex(of: "]"),
            let index = Int(path[..<end].dropFirst(pathBegin.count))
        else { return nil }
        return (index, path[path.index(after: end)...])
    }

    /// The objects that were changed and are still there, by which complaints find them.
    package mutating func places() -> PlacedObjects {
        var places = PlacedObjects()
        for (index, subject) in subjects.enumerated() {
            let path = Self.path(index)
            switch subject {
            case .service(let key):
                guard let service = serviceDesk.object(key) else { continue }
                places.services.append(Located(service, path: path, at: Self.place))
            case .address(let key):
                guard let address = addressDesk.object(key) else { continue }
                places.addresses.append(Located(address, path: path, at: Self.place))
            }
        }
        return places
    }
}
