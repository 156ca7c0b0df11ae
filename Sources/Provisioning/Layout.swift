// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Networking

/// All that the memory of a snapshot is made from, as one value: states that have the same layout
/// have the same snapshot, octet for octet.
struct Layout: Equatable {
    var generation: UInt64
    var routeGeneration: UInt16
    var network: CompiledNetwork
    /// Ports, then VLANs, then tunnels.
    var interfaces: [Interface]
    var services: [ServiceEntry]
    var timeouts: StateTimeouts
    var options: BalancingState.Options
    /// Slots by address.
    var localAddresses: [IPAddress: Int]
    /// These three by backend slot.
    var policies: [BackendPolicy]
    var encapsulations: [Int: Encapsulation]
    var places: [BackendPlace?]
    var sweeps: UInt64
    /// What `exception_defs` says, by class.
    var exceptionRates: [Int]
    var tunnels: [TunnelDevice]
    /// By slot.
    var sets: [Int: CompiledSet]
    /// Those whose addresses are dropped before all else.
    var screen: SetNames

    /// A service, and which packets are its own.
    struct ServiceEntry: Equatable {
        var known: KnownService
        /// Identifiers of the interfaces that the selector names.
        var input: InterfaceID?
        var output: InterfaceID?

        var key: Service.Key { known.service.key }
        var compiled: CompiledService { known.compiled }

        static func == (left: Self, right: Self) -> Bool {
            left.key == right.key && left.input == right.input && left.output == right.output
                && (left.compiled === right.compiled
                    || left.compiled.source == right.compiled.source)
        }
    }
}
