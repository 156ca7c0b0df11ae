// SPDX-License-Identifier: Apache-2.0
import Foundation

/// One network of the pod, as Multus writes it into the annotation
/// `k8s.v1.cni.cncf.io/network-status` (Kubernetes Network Custom Resource Definition
/// De-facto Standard 1.3, section 4.1.2).
package struct NetworkAttachment: Equatable, Codable, Sendable {
    package static let annotation = "k8s.v1.cni.cncf.io/network-status"

    /// "default/sriov-outside".
    package var name: String
    package var interface: String?
    package var addresses: [String]
    package var macAddress: String?
    /// PCI address of its device.
    package var device: String?

    /// Whether `wanted` is its name, with or without the namespace, or its interface.
    package func matches(_ wanted: String) -> Bool {
        name == wanted || name.split(separator: "/").last.map(String.init) == wanted
            || interface == wanted
    }

    /// All of `text`, which is the annotation's value or a file of annotations as the downward API
    /// writes them, `key="value"` a line; nil when it is neither.
    package static func all(in text: String) -> [NetworkAttachment]? {
        let decoder = JSONDecoder()
        if let status = try? decoder.decode([Entry].self, from: Data(text.utf8)) {
            return status.map(\.attachment)
        }
        for line in text.split(separator: "\n") where line.hasPrefix(annotation + "=") {
            // The value is quoted as a string of Go, which JSON reads in all that occurs here.
            let quoted = Data(line.dropFirst(annotation.count + 1).utf8)
            guard let value = try? decoder.decode(String.self, from: quoted) else { return nil }
            return (try? decoder.decode([Entry].self, from: Data(value.utf8)))?.map(\.attachment)
        }
        return nil
    }

    private struct Entry: Decodable {
        struct DeviceInformation: Decodable {
            struct PCI: Decodable {
                var address: String?
                enum CodingKeys: String, CodingKey { case address = "pci-address" }
            }
            var pci: PCI?
        }

        var name: String
        var interface: String?
        var ips: [String]?
        var mac: String?
        var device: DeviceInformation?

        enum CodingKeys: String, CodingKey {
            case name, interface, ips, mac
            case device = "device-info"
        }

        var attachment: NetworkAttachment {
            NetworkAttachment(
                name: name,
                interface: interface,
                addresses: ips ?? [],
                macAddress: mac,
                device: device?.pci?.address
            )
        }
    }
}
