// SPDX-License-Identifier: Apache-2.0
import Addressing

/// What few services ask for; beside the record, so that the others do not carry it.
public struct ServiceOptions: BitwiseCopyable, Sendable, Equatable {
    /// nil: every connection is scheduled by itself.
    public var persistence: PersistenceRule?
    /// Every packet is scheduled by itself, and no connection remains.
    public var isOnePacket: Bool
    /// SNAT: ports that one source may hold at one worker.
    public var portsPerSource: UInt32
    /// Who may open connections.
    public var access: AccessRule

    public init(
        persistence: PersistenceRule? = nil,
        isOnePacket: Bool = false,
        portsPerSource: UInt32 = .max,
        access: AccessRule = AccessRule()
    ) {
        self.persistence = persistence
        self.isOnePacket = isOnePacket
        self.portsPerSource = portsPerSource
        self.access = access
    }
}

/// Who is one client of a persistent service, and for how long; see `PersistenceTable`.
public struct PersistenceRule: BitwiseCopyable, Sendable, Equatable {
    /// A number that no other service had before, so that what is remembered ends with the service.
    public var identity: UInt32
    /// In ticks, from the end of the last connection.
    public var timeout: UInt32
    /// Leading bits of clients of IPv4, 1...32, and of IPv6, 1...128, that count.
    public var ipv4Length: UInt8
    public var ipv6Length: UInt8
    /// A service of several virtual addresses: each has its clients.
    public var usesDestination: Bool

    public init(
        identity: UInt32,
        timeout: UInt32,
        ipv4Length: Int,
        ipv6Length: Int,
        usesDestination: Bool
    ) {
        self.identity = identity
        self.timeout = timeout
        self.ipv4Length = UInt8(clamping: ipv4Length)
        self.ipv6Length = UInt8(clamping: ipv6Length)
        self.usesDestination = usesDestination
    }

    /// What all flows of a client have in common, in the form of a flow.
    ///
    /// The port is not part of it: behind a service of several ports the control and the data
    /// connection of a client meet the same backend.
    func client(of flow: Flow) -> Flow {
        let length = flow.isIPv6 ? Int(ipv6Length) : 96 &+ Int(ipv4Length)
        let network =
            flow.source.number & (UInt128.max &<< UInt128(truncatingIfNeeded: 128 &- length))
        return Flow(
            source: WireAddress(
                first: UInt64(truncatingIfNeeded: network >> 64).bigEndian,
                second: UInt64(truncatingIfNeeded: network).bigEndian
            ),
            destination: usesDestination ? flow.destination : .zero,
            ports: identity,
            protocol: flow.protocol
        )
    }
}

/// Where a backend slot stands in the service that has it, and what persistence that one has.
public struct BackendPlace: BitwiseCopyable, Sendable, Equatable {
    public var index: UInt16
    public var persistence: PersistenceRule?

    public init(index: UInt16, persistence: PersistenceRule?) {
        self.index = index
        self.persistence = persistence
    }
}
