// SPDX-License-Identifier: Apache-2.0

/// The devices that the SR-IOV device plugin of Kubernetes has given to this container.
///
/// The plugin sets one variable a resource, `PCIDEVICE_` and the resource's name in capitals with
/// `_` for `/` and `.`, to the PCI addresses separated by commas.
struct PluginResources {
    private let environment: [String: String]
    /// How many devices of each variable are taken.
    private var taken: [String: Int] = [:]

    init(environment: [String: String]) {
        self.environment = environment
    }

    /// The next PCI address of `resource` ("intel.com/sriov_netdevice"); blocks that name the same
    /// resource get its devices in order.
    mutating func next(of resource: String) throws(StartError) -> String {
        let variable = Self.variable(of: resource)
        let addresses = (environment[variable] ?? "").split(separator: ",").map(String.init)
        let index = taken[variable, default: 0]
        guard index < addresses.count else {
            let found = environment[variable].map { "\(variable)=\($0)" } ?? known
            throw StartError(
                "resource '\(resource)' has no device number \(index + 1) here: \(found)"
            )
        }
        taken[variable] = index + 1
        return addresses[index]
    }

    static func variable(of resource: String) -> String {
        "PCIDEVICE_"
            + String(resource.map { "/.".contains($0) ? "_" : $0 }).uppercased()
    }

    /// What a message says when a variable is not there.
    private var known: String {
        let names = environment.keys
            .filter { $0.hasPrefix("PCIDEVICE_") && !$0.hasSuffix("_INFO") }
            .sorted()
        guard !names.isEmpty else {
            return "no PCIDEVICE_ variable is set; does the pod request the resource?"
        }
        return "set are only \(names.joined(separator: ", "))"
    }
}
