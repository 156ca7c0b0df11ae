// SPDX-License-Identifier: Apache-2.0
import Model

/// Checks of what the kernel will call its sides of devices and bonds.
extension DPVSConfParser {
    mutating func checkCompanionNames() {
        let settings = result.settings
        guard settings.isOn("global_defs.kni") else { return }
        var owners: [String: String] = [:]
        // Merged with what it takes over from its primary, a bond is no block of the file.
        let blocks = settings.devices + settings.bonds
        for port in settings.ports where port.companionType != .off {
            guard let block = blocks.first(where: { $0.name == port.name }) else { continue }
            let name = port.companionName
            let path = "\(block.path).kni_name"
            if block.text("kni_name") != nil, !CompanionType.isInterfaceName(name) {
                report(
                    .error,
                    place(block, "kni_name"),
                    path,
                    "cannot be the name of an interface of the kernel",
                    name,
                    CompanionType.namingRule
                )
            }
            // That two have one name of their own is complained about elsewhere.
            guard let owner = owners.updateValue(port.name, forKey: name), owner != port.name
            else { continue }
            report(
                .error,
                place(block, "kni_name"),
                path,
                "is the kernel companion of \(owner), too",
                name,
                "another name, or kni_type off"
            )
        }
    }
}
