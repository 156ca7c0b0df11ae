// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Model

/// Which backend and service have a backend slot, by which connections know theirs: of one moment, those
/// that are gone and still have connections included.
package struct ConnectionOwners: Sendable {
    package struct Owner: Sendable {
        package var service: Service.Key
        package var backend: Endpoint
        /// As lists call them, made once for all their connections.
        package var serviceText: String
    }

    /// By slot; nil: the slot is nobody's, or its service is not meant.
    private let owners: [Owner?]
    /// Names of workers, by their place.
    package let workerIDs: [Int]

    init(_ owners: [Owner?], workerIDs: [Int]) {
        self.owners = owners
        self.workerIDs = workerIDs
    }

    package subscript(slot: UInt32) -> Owner? {
        let slot = Int(slot)
        return owners.indices.contains(slot) ? owners[slot] : nil
    }
}

extension Provisioner {
    /// Owners of connections of services that fit, and of the backend; one without a port is any of the
    /// address.
    func owners(_ services: ServiceFilter, _ backend: Endpoint?) -> ConnectionOwners {
        var meant: [Service.Key: String] = [:]
        for service in state.services + books.gone.values where services.contains(service) {
            meant[service.key] = service.key.description
        }
        var owners = [ConnectionOwners.Owner?](repeating: nil, count: books.backendSlots.bound)
        for (key, slot) in books.backendSlots.slots {
            guard let text = meant[key.service] else { continue }
            if let backend {
                guard key.endpoint.address == backend.address,
                    backend.port == 0 || backend.port == key.endpoint.port
                else { continue }
            }
            owners[slot] = .init(service: key.service, backend: key.endpoint, serviceText: text)
        }
        return ConnectionOwners(owners, workerIDs: workerIDs)
    }
}
