// SPDX-License-Identifier: Apache-2.0
package import Balancing
import Timing

/// What one process leaves for the next on the same node: connections, and what they are known by.
package struct Handover: Sendable {
    /// Everything but the connections and clients.
    package struct Head: Codable, Sendable, Equatable {
        /// Of the file's form; other numbers are not read.
        package static let currentVersion = 2

        package var version = Self.currentVersion
        /// How side states lie in memory: those of another layout are not understood.
        package var sideLayout = Handover.sideLayout
        /// The kernel's, of its `boot_id`: a file from before a reboot is worth nothing.
        package var bootID = ""
        /// Nanoseconds of the monotonic clock.
        package var savedAt: UInt64 = 0
        /// Of the configuration that ran.
        package var digest = ""
        package var workers = 0
        /// What the devices hashed with.
        package var steeringKey: [UInt8] = []
        package var backends: [Backend] = []
        /// Of backends that were gone before, by service.
        package var retired: [String: [UInt64]] = [:]
        package var connections = 0
        /// Clients of persistent services.
        package var clients = 0
        /// Of the table that they were in.
        package var clientCapacity = 0
        package var clientSeed: UInt64 = 0
        package var counters = Counters()

        package init() {}
    }

    /// What threads have counted; a name that another version does not know is left out there.
    package struct Counters: Codable, Sendable, Equatable {
        /// By worker: see `WorkerCounters.totals`.
        package var workers: [[String: UInt64]] = []
        package var slowPath: [String: UInt64] = [:]
        /// Packets between ports and the kernel: by port, class and event.
        package var exceptions: [String: [String: [String: UInt64]]] = [:]

        package init() {}
    }

    /// What `backendSlot` of a saved connection is the place of.
    package struct Backend: Codable, Sendable, Equatable {
        /// As services are called in messages: "10.0.0.1:80/tcp".
        package var service: String
        package var endpoint: String
        /// By `BackendCounter`.
        package var counters: [UInt64]

        package init(service: String, endpoint: String, counters: [UInt64]) {
            self.service = service
            self.endpoint = endpoint
            self.counters = counters
        }
    }

    /// Bump the number before the dash when the meaning of a side state's octets changes.
    private static let sideLayout = "1-\(SavedConnection.sideSize)"

    package var head: Head
    package var connections: [SavedConnection]
    package var clients: [SavedClient]

    package init(
        head: Head,
        connections: [SavedConnection] = [],
        clients: [SavedClient] = []
    ) {
        self.head = head
        self.connections = connections
        self.clients = clients
    }

    /// So much time has passed since.
    package mutating func age(by duration: Duration) {
        let ticks = Tick.count(covering: duration)
        for index in connections.indices {
            let idle = connections[index].idle.addingReportingOverflow(ticks)
            connections[index].idle = idle.overflow ? UInt32(Int32.max) : idle.partialValue
        }
        clients.removeAll { $0.remaining <= ticks }
        for index in clients.indices { clients[index].remaining -= ticks }
    }
}

/// What became of the connections of a `Handover`.
package struct HandoverResult: Codable, Sendable, Equatable {
    package var adopted = 0
    /// Their time ran out meanwhile.
    package var expired = 0
    /// Their service, backend or local address is not configured any more, or the workers are
    /// others.
    package var refused = 0

    package init() {}
}
