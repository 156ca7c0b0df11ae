// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Timing

/// A compiled service and what it was made from; snapshots share it as long as that is the same.
final class CompiledService: Sendable {
    let source: Source
    let record: ServiceRecord

    /// All that the record depends on.
    struct Source: Equatable, Sendable {
        var slot: Int
        var mode: ForwardingMode
        var clientAddress: ClientAddressRule
        var scheduler: SchedulerKind
        var schedulerOptions: SchedulerOptions
        var backends: [BackendRecordSource]
        var localAddresses: [LocalAddressSource]
        var quic: QUICOptions?
        var options: ServiceOptions?
        var limits: ServiceLimits
    }

    struct BackendRecordSource: Equatable, Sendable {
        var address: IPAddress
        var port: UInt16
        var weight: Int
        var slot: Int
        var quicServerID: [UInt8]?
    }

    struct LocalAddressSource: Equatable, Sendable {
        var address: IPAddress
        var slot: Int
    }

    /// Nil when memory is short.
    init?(_ source: Source, steering: FamilySteering, workers: Int) {
        var quic: QUICRouting?
        if let options = source.quic {
            quic = QUICRouting(
                namesAddresses: options.namesAddresses,
                options.configurations.compactMap { Self.configuration($0, source.backends) },
                workers: workers
            )
            if quic == nil { return nil }
        }
        self.source = source
        record = ServiceRecord(
            slot: UInt32(source.slot),
            kind: ConnectionKind(source.mode),
            clientAddress: source.clientAddress,
            backends: source.backends.map {
                BackendRecord(
                    address: $0.address,
                    port: $0.port,
                    slot: UInt32($0.slot),
                    steering: steering
                )
            },
            scheduler: Scheduler(
                source.scheduler,
                source.schedulerOptions,
                source.backends.map {
                    ScheduledBackend(
                        endpoint: Endpoint($0.address, $0.port),
                        weight: $0.weight,
                        slot: UInt32($0.slot)
                    )
                }
            ),
            localAddresses: source.localAddresses.map {
                LocalAddressRecord(
                    address: $0.address,
                    slot: UInt16($0.slot),
                    steering: steering
                )
            },
            quic: quic,
            options: source.options,
            limits: source.limits
        )
    }

    deinit { record.destroy() }

    private static func configuration(
        _ configuration: QUICOptions.Configuration,
        _ backends: [BackendRecordSource]
    ) -> QUICRouter.Configuration? {
        let format = QUICRoutableFormat(
            rotation: UInt8(configuration.id),
            serverIDLength: configuration.serverIDLength,
            nonceLength: configuration.nonceLength,
            key: configuration.key?.octets
        )
        guard let format else { return nil }
        let servers = backends.enumerated()
            .compactMap { place, backend in
                backend.quicServerID.flatMap { QUICServerID($0) }.map { ($0, UInt32(place)) }
            }
        return .init(format, backends: Dictionary(servers) { first, _ in first })
    }
}

/// A service as the configuration has it, and what was compiled of it.
final class KnownService: Sendable {
    let service: Service
    let compiled: CompiledService
    /// Whether some backend counts less, for now, than the service says.
    let isRamping: Bool
    /// What of the compiler's work it asks for.
    let traits: Traits

    struct Traits: OptionSet, Sendable {
        let rawValue: UInt8

        static let isTunnelled = Traits(rawValue: 1 << 0)
        static let isPersistent = Traits(rawValue: 1 << 1)
        /// Its packets are limited.
        static let isMetered = Traits(rawValue: 1 << 2)
        /// Connections of a backend without weight have a limited time.
        static let drains = Traits(rawValue: 1 << 3)
        /// Its selector names interfaces.
        static let namesInterfaces = Traits(rawValue: 1 << 4)
        /// Its backends are asked whether they serve.
        static let isChecked = Traits(rawValue: 1 << 5)

        /// A list says who may open connections.
        static let hasLists = Traits(rawValue: 1 << 5)

        init(rawValue: UInt8) { self.rawValue = rawValue }

        init(_ service: Service) {
            self = []
            if service.mode == .tunnel { insert(.isTunnelled) }
            if service.persistence != nil { insert(.isPersistent) }
            if service.hasHealthChecks { insert(.isChecked) }
            if service.limitsPackets { insert(.isMetered) }
            if service.patience != nil { insert(.drains) }
            if !service.access.isEmpty { insert(.hasLists) }
            if case .match = service.key.selector { insert(.namesInterfaces) }
        }
    }

    init(_ service: Service, _ compiled: CompiledService) {
        self.service = service
        self.compiled = compiled
        let full = SlowStart().weights(of: service, at: Instant(nanoseconds: 0))
        traits = Traits(service)
        isRamping = compiled.source.backends.map(\.weight) != full
    }
}
