// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import YAML

extension ServiceFileWriter {
    /// A check with its type, so that a backend's says nothing that depends on its service's.
    func document(of check: BackendCheck) -> YAMLNode {
        switch check {
        case .off: .text("off")
        case .own(let checks) where checks.count == 1: document(of: checks[0])
        case .own(let checks): .list(checks.map { document(of: $0) })
        }
    }

    func document(of check: HealthCheck) -> YAMLNode {
        var fields = Fields()
        fields.text("type", check.probe.kind.rawValue)
        fields.text("interval", check.interval.text)
        fields.text("retryInterval", check.retryInterval?.text)
        fields.text("timeout", check.timeout.text)
        fields.plain("rise", check.rise)
        fields.plain("fall", check.fall)
        if check.beginsDown { fields.text("initial", HealthInitial.down.rawValue) }
        fields.text("address", check.address)
        fields.plain("port", check.port)
        fields.text("source", check.source)
        fields.text("interface", check.interface)
        write(check.probe, &fields)
        return fields.node
    }

    private func write(_ probe: HealthProbe, _ fields: inout Fields) {
        switch probe {
        case .tcp(let exchange), .udp(let exchange):
            fields.text("send", exchange.send.map(Self.text))
            fields.text("expect", exchange.expect.map(Self.text))
        case .http(let http):
            let standard = HealthProbe.HTTP()
            fields.text("method", http.method.rawValue, unless: standard.method.rawValue)
            fields.text("path", http.path)
            fields.text("host", http.host)
            fields.text("status", http.status.statusText, unless: standard.status.statusText)
            fields.text("expect", http.expect.map(Self.text))
            fields.text("serverName", http.tls?.serverName)
            fields.plain("verify", http.tls?.isVerified, unless: false)
        case .dns(let dns):
            fields.text("query", dns.name)
            fields.text("record", dns.record.rawValue)
        case .smtp(let smtp): fields.text("helo", smtp.name)
        case .script(let script): fields.texts("command", script.words)
        case .ping: break
        }
    }

    /// Octets as a person would write them: as a text where they are one.
    private static func text(_ octets: [UInt8]) -> String {
        let text = String(decoding: octets, as: UTF8.self)
        let isText =
            !octets.isEmpty && Array(text.utf8) == octets && !text.hasControlCharacters
        return isText && !text.hasPrefix("hex:") ? text : "hex:" + octets.hexadecimal
    }
}
