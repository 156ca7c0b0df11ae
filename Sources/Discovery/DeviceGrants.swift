// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The devices that device plugins of Kubernetes have given to this container.
///
/// The SR-IOV device plugin sets one variable a resource, `PCIDEVICE_` and the resource's name in
/// capitals with `_` for `/` and `.`, to device names separated by commas: PCI addresses, auxiliary
/// devices (`mlx5_core.sf.4`) or mediated devices (a UUID). Newer ones add a variable that ends with
/// `_INFO`, a JSON object with what each device comes with.
package struct DeviceGrants: Equatable, Codable, Sendable {
    package struct Resource: Equatable, Codable, Sendable {
        package var variable: String
        package var devices: [String]
        /// What `_INFO` says of a device by its name: "vfio" -> ["dev-mount": "/dev/vfio/45"].
        package var facts: [String: [String: [String: String]]] = [:]
    }

    private static let prefix = "PCIDEVICE_"
    private static let suffix = "_INFO"

    /// In the order of their variables.
    package var resources: [Resource]
    /// How many devices of each variable are taken.
    private var taken: [String: Int] = [:]

    private enum CodingKeys: CodingKey { case resources }

    package init(from decoder: any Decoder) throws {
        resources = try decoder.container(keyedBy: CodingKeys.self)
            .decode([Resource].self, forKey: .resources)
    }

    package init(environment: [String: String]) {
        let granted = environment.filter { $0.key.hasPrefix(Self.prefix) }
        resources = granted.sorted { $0.key < $1.key }
            // A resource may itself be called ..._info; only JSON begins so.
            .filter { !$0.value.hasPrefix("{") }
            .map { variable, value in
                let devices = value.split(separator: ",")
                    .map { $0.filter { !$0.isWhitespace } }.filter { !$0.isEmpty }
                let facts = granted[variable + Self.suffix].map(Self.facts) ?? [:]
                return Resource(variable: variable, devices: devices, facts: facts)
            }
    }

    /// The next device of `resource` ("intel.com/sriov_netdevice"); blocks that name the same
    /// resource get its devices in order.
    package mutating func next(of resource: String) throws(GrantError) -> String {
        guard let granted = find(resource) else {
            throw GrantError(resource: resource, number: 1, found: known)
        }
        let index = taken[granted.variable, default: 0]
        guard index < granted.devices.count else {
            let found = "\(granted.variable)=\(granted.devices.joined(separator: ","))"
            throw GrantError(resource: resource, number: index + 1, found: found)
        }
        taken[granted.variable] = index + 1
        return granted.devices[index]
    }

    /// The resource of this name; `-` and `_` are the same where nothing has the exact name.
    package func find(_ resource: String) -> Resource? {
        let wanted = Self.variable(of: resource)
        let alike = wanted.replacing("-", with: "_")
        return resources.first { $0.variable == wanted }
            ?? resources.first { $0.variable.replacing("-", with: "_") == alike }
    }

    package static func variable(of resource: String) -> String {
        prefix + String(resource.map { "/.".contains($0) ? "_" : $0 }).uppercased()
    }

    /// What a message says when a variable is not there.
    private var known: String {
        guard !resources.isEmpty else {
            return "no PCIDEVICE_ variable is set; does the pod request the resource?"
        }
        return "set are only \(resources.map(\.variable).joined(separator: ", "))"
    }

    /// Reads what it can: a plugin may add what we do not know.
    private static func facts(_ text: String) -> [String: [String: [String: String]]] {
        struct Lenient: Decodable {
            var values: [String: String] = [:]

            init(from decoder: any Decoder) throws {
                guard let container = try? decoder.container(keyedBy: AnyKey.self) else { return }
                for key in container.allKeys {
                    values[key.stringValue] = try? container.decode(String.self, forKey: key)
                }
            }
        }
        let decoded = try? JSONDecoder()
            .decode([String: [String: Lenient]].self, from: Data(text.utf8))
        return (decoded ?? [:]).mapValues { $0.mapValues(\.values) }
    }

    private struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init?(stringValue: String) {
            self.stringValue = stringValue
        }

        init?(intValue: Int) { nil }
    }
}

/// A resource that has no further device here.
package struct GrantError: Error, Equatable, CustomStringConvertible {
    package var resource: String
    package var number: Int
    /// What there is.
    package var found: String

    package var description: String {
        "resource '\(resource)' has no device number \(number) here: \(found)"
    }
}
