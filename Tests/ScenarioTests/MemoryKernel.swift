// SPDX-License-Identifier: Apache-2.0
import Dataplane
import Model
import Networking
import PacketTesting
import Provisioning

/// The kernel's sides of VLANs, in memory; one thread.
final class MemoryKernel: CompanionRegistry, @unchecked Sendable {
    struct Made {
        var interface: InterfaceID
        var link: MemoryLink
        var carriage: Companion.Carriage
    }

    /// By name.
    private(set) var shown: [String: Made] = [:]
    private var next: [String: Made]?
    private var leaving: [Made] = []
    /// Names that cannot be had.
    var refused: Set<String> = []
    private var slowPath: SlowPath<MemoryPort>?
    private var make: (Int) -> MemoryLink? = { _ in nil }

    func attach(_ slowPath: SlowPath<MemoryPort>, _ links: [MemoryLink], _ pool: MemoryPool) {
        self.slowPath = slowPath
        make = { MemoryLink(links[$0].traits, pool: pool) }
    }

    func prepare(_ requests: [CompanionRequest]) throws(ProvisioningError) -> Set<InterfaceID> {
        var next: [String: Made] = [:]
        for request in requests {
            guard !refused.contains(request.name) else {
                if request.type == .auto { continue }
                throw ProvisioningError("no companion \(request.name)")
            }
            guard let link = shown[request.name]?.link ?? make(request.port) else { continue }
            next[request.name] = Made(
                interface: request.interface,
                link: link,
                carriage: request.isTunnel ? .packets : .frames
            )
        }
        self.next = next
        return Set(next.values.map(\.interface))
    }

    func cancel() { next = nil }

    func show() {
        guard let next else { return }
        leaving += shown.values.filter { old in
            !next.values.contains { $0.interface == old.interface }
        }
        for made in next.values {
            let companion = Companion(made.link.port(), carriage: made.carriage)
            slowPath?.setCompanion(companion, of: made.interface)
        }
        (shown, self.next) = (next, nil)
    }

    func finish() {
        for made in leaving { slowPath?.setCompanion(nil, of: made.interface) }
        leaving = []
    }
}
