// SPDX-License-Identifier: Apache-2.0
import Model

/// What the kernel will call its sides of interfaces.
extension StateChecker {
    mutating func checkCompanions() {
        guard settings.isOn("global_defs.kni") else { return }
        var owners: [String: String] = [:]
        for device in settings.ports where device.companionType != .off {
            owners[device.companionName] = owners[device.companionName] ?? device.name
        }
        for object in vlans where settings.wantsCompanion(object.value) {
            check(object, against: owners)
            let name = object.value.companion
            owners[name] = owners[name] ?? object.value.name
        }
    }

    /// `owners` are names of interfaces by those of their companions; a name of an interface that is
    /// there twice is complained about elsewhere.
    private mutating func check(
        _ object: ServiceFile.Located<VLANInterface>,
        against owners: [String: String]
    ) {
        let vlan = object.value
        let location = object.location(of: "kniName")
        let path = object.path + ".kniName"
        // One that is made of the interface's name and too long only is not there.
        let isAccepted = vlan.companionName.map(Self.isInterfaceName) ?? true
        if !isAccepted {
            report(
                location,
                path,
                "cannot be the name of an interface of the kernel",
                vlan.companion,
                "1 to \(CompanionType.longestName) characters, no spaces, slashes and colons"
            )
        } else if let owner = owners[vlan.companion], owner != vlan.name {
            report(
                location,
                path,
                "is the kernel companion of \(owner), too",
                vlan.companion,
                "another name, or kniType off"
            )
        }
    }

    /// As `dev_valid_name` of Linux has it.
    private static func isInterfaceName(_ name: String) -> Bool {
        1...CompanionType.longestName ~= name.utf8.count && name != "." && name != ".."
            && !name.contains { $0.isWhitespace || $0 == "/" || $0 == ":" }
    }
}
