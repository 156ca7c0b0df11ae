// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Control
import Model

/// What `ipvsadm -S` prints: the command lines that `-R` reads.
package enum SaveText {
    /// The lines that make all services anew, in the order of the configuration.
    package static func lines(of readings: ServiceReadings) -> String {
        let interfaces = Dictionary(
            readings.addresses.map { ($0.prefix.address, $0.interface) }
        ) { first, _ in first }
        var text = ""
        for reading in readings.services { append(reading.service, interfaces, to: &text) }
        return text
    }

    private static func append(
        _ service: Service,
        _ interfaces: [IPAddress: String],
        to text: inout String
    ) {
        let name = service.key.option
        text += "-A \(name) -s \(service.scheduler.rawValue)"
        for word in options(of: service) { text += " " + word }
        text += "\n"
        for target in service.targets {
            text += "-a \(name) -r \(target.endpoint) \(service.mode.option)"
            for word in options(of: target, in: service) { text += " " + word }
            text += "\n"
        }
        for client in service.access.deny { text += "-U \(name) -k \(client.tool)\n" }
        for client in service.access.allow { text += "-O \(name) -2 \(client.tool)\n" }
        guard service.mode == .fnat else { return }
        for address in service.localAddresses {
            let interface = interfaces[address].map { " -F \($0)" } ?? ""
            text += "-P \(name) -z \(address)\(interface)\n"
        }
    }

    private static func options(of service: Service) -> [String] {
        var words: [String] = []
        let flags = service.schedulerOptions.flags.map(\.rawValue).sorted()
        if !flags.isEmpty { words.append("-b " + flags.joined(separator: ",")) }
        if let target = service.schedulerOptions.hashTarget {
            words.append("--hash-target \(target.rawValue)")
        }
        if let persistence = service.persistence {
            words.append("-p \(max(1, persistence.timeout.components.seconds))")
            words += service.maskWords.map { "-M \($0)" }
        }
        if service.isOnePacket { words.append("--ops") }
        if let timeout = service.connectionTimeout {
            words.append("--conn-timeout \(max(1, timeout.components.seconds))")
        }
        if let version = service.clientAddress?.proxyVersion {
            words.append("--proxy-protocol \(version)")
        }
        if service.protection.expiresQuiescent { words.append("--expire-quiescent") }
        if service.quic?.namesAddresses == true { words.append("--quic") }
        if let check = service.protection.destCheck { words.append("--dest-check \(check.words)") }
        return words
    }

    private static func options(of backend: Backend, in service: Service) -> [String] {
        var words: [String] = []
        if service.mode == .tunnel, let tunnel = service.tunnel {
            words.append("--tun-type \(tunnel.kind.rawValue)")
            if let port = tunnel.port { words.append("--tun-port \(port)") }
            if tunnel.hasChecksum { words.append("--tun-csum") }
        }
        words.append("-w \(backend.weight)")
        if let most = backend.maxConnections { words.append("-x \(most)") }
        if let least = backend.minConnections { words.append("-y \(least)") }
        return words
    }

    /// What no command line says of services that are there: a sentence each.
    package static func omissions(of readings: ServiceReadings) -> [String] {
        readings.services.compactMap { reading in
            let words = omissions(of: reading.service)
            if words.isEmpty { return nil }
            return
                "\(reading.service.title): no command line says its \(words.joined(separator: ", "))"
                + "; dpvs config export --all does"
        }
    }

    private static func omissions(of service: Service) -> [String] {
        var words: [String] = []
        if service.name != service.key.usualName { words.append("name") }
        if service.schedulerOptions.maglevTableSize != nil { words.append("maglevTableSize") }
        if service.slowStart != nil { words.append("slowStart") }
        if service.tunnel?.source != nil { words.append("tunnel source") }
        if let mode = service.clientAddress, mode.proxyVersion == nil {
            words.append("clientAddress")
        }
        if service.quic?.configurations.isEmpty == false { words.append("quicLB") }
        if service.portsPerSource != nil { words.append("maxPortsPerSource") }
        var rest = service.protection
        rest.expiresQuiescent = false
        rest.destCheck = nil
        if rest != Protection() { words.append("limits") }
        if service.backends.contains(where: { $0.quicServerID != nil }) { words.append("serverID") }
        return words
    }
}
