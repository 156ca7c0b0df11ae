// SPDX-License-Identifier: Apache-2.0
import Addressing

extension Service {
    /// Ports of one local address that can be given out toward one endpoint.
    package static let portsPerAddress = 64511

    /// What new connections are shared among.
    ///
    /// Of most services the backends. Of an SNAT service they are the hosts of the Internet, which
    /// nobody lists: its public addresses are scheduled and counted in their place, as the
    /// destinations of `ipvsadm -H … -J` are.
    package var targets: [Backend] {
        mode == .snat ? localAddresses.map { Backend(endpoint: Endpoint($0, 0)) } : backends
    }

    /// The same service without any target.
    package var withoutBackends: Service {
        var service = self
        service.backends = []
        service.localAddresses = []
        return service
    }

    /// Ports that one source may hold: without `portsPerSource` an eighth of those toward one
    /// endpoint, so that one host cannot keep all others out.
    package var effectivePortsPerSource: Int {
        portsPerSource ?? max(1, localAddresses.count * Self.portsPerAddress / 8)
    }
}
