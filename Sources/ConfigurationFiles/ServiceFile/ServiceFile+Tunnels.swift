// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

/// Tunnels among the interfaces of a file.
extension ServiceFile {
    /// The tunnel of an interface; nil when something in it is wrong, which is reported.
    func readTunnel(
        _ name: String,
        _ companionName: String?,
        _ companionType: CompanionType,
        _ reader: inout ObjectReader,
        _ file: String
    ) -> TunnelInterface? {
        guard var inner = reader.object("tunnel") else { return nil }
        defer { reader.absorb(inner) }
        let kind: TunnelInterface.Kind? = inner.choice("kind")
        let (remote, local) = (inner.address("remote"), inner.address("local"))
        let (key, checksum, sequence) = (inner.key("key"), inner.flag("csum"), inner.flag("seq"))
        let input = TunnelInterface.Words(
            key: inner.key("ikey") ?? key,
            hasChecksum: inner.flag("icsum") ?? checksum ?? false,
            hasSequence: inner.flag("iseq") ?? sequence ?? false
        )
        let output = TunnelInterface.Words(
            key: inner.key("okey") ?? key,
            hasChecksum: inner.flag("ocsum") ?? checksum ?? false,
            hasSequence: inner.flag("oseq") ?? sequence ?? false
        )
        let tunnel = kind.map { kind in
            TunnelInterface(
                name: name,
                kind: kind,
                remote: remote,
                local: local,
                link: inner.text("link"),
                input: input,
                output: output,
                timeToLive: inner.integer("ttl") ?? 0,
                service: inner.integer("tos"),
                mtu: inner.integer("mtu"),
                companionName: companionName,
                companionType: companionType,
                owner: .file(file)
            )
        }
        guard let tunnel, inner.diagnostics.isEmpty else { return nil }
        return tunnel
    }
}

extension ObjectReader {
    /// Complains that an interface is not exactly one thing.
    mutating func reportKinds() {
        report(place, "", "is to be either a vlan or a tunnel", nil, "one of vlan and tunnel")
    }

    /// A key of GRE: a number, or four octets with dots as `ip tunnel` has it.
    mutating func key(_ name: String) -> UInt32? {
        read(name) { text in UInt32(text) ?? IPv4Address(text)?.rawValue }
    }
}
