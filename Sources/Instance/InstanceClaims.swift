// SPDX-License-Identifier: Apache-2.0
import Addressing
import Discovery
import Linux
import Model

/// What an instance claims, so that a second one on the host is refused instead of fighting for it.
extension Claims {
    /// Buses are the host's, interfaces the network namespace's.
    func hold(_ devices: [DeviceChoice]) throws {
        let scope = Host.networkNamespace
        let claims = devices.flatMap { choice -> [Claim] in
            if let device = choice.device { return [Claim(.device, device.name)] }
            let words = (choice.driver ?? "").split(separator: ",")
            return words.filter { $0.contains("iface=") }
                .compactMap { $0.split(separator: "=").last }
                .map { Claim(.interface, String($0), in: scope) }
        }
        try hold(Set(claims), for: .devices)
    }

    /// Names of the kernel's sides of interfaces; throws an error that says what to do when another
    /// instance has one of them.
    func hold(companions names: Set<String>) throws {
        let scope = Host.networkNamespace
        do {
            try hold(Set(names.map { Claim(.interface, $0, in: scope) }), for: .companions)
        } catch let error as ClaimError {
            throw StartError(
                "\(error): a companion needs a name of its own, by kni_name of the device or kniName: "
                    + "of the VLAN"
            )
        }
    }

    /// Every address that the instance answers for with its own link-layer address.
    ///
    /// Within one network namespace only: instances that serve one address from different ones are
    /// what ECMP is made of. What the kernel's interfaces have is for the kernel to say.
    static func addresses(of state: DesiredState) -> Set<Claim> {
        let scope = Host.networkNamespace
        let own = state.addresses.filter { $0.owner != .kernel }.map { "\($0.prefix.address)" }
        let local = state.services.flatMap { $0.localAddresses.map { "\($0)" } }
        let virtual = state.services.compactMap { service -> String? in
            guard let prefix = service.key.prefix else { return nil }
            return prefix == IPPrefix(host: prefix.address) ? "\(prefix.address)" : "\(prefix)"
        }
        return Set((own + local + virtual).map { Claim(.address, $0, in: scope) })
    }
}
