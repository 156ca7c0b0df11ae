// SPDX-License-Identifier: Apache-2.0

/// What the kernel will call its sides of interfaces.
extension StateChecker {
    mutating func checkCompanions() {
        for object in vlans { noteName(of: object) }
        for object in tunnels { noteName(of: object) }
        guard settings.isOn("global_defs.kni") else { return }
        var owners: [String: String] = [:]
        for device in settings.ports where device.companionType != .off {
            owners[device.companionName] = owners[device.companionName] ?? device.name
        }
        for object in vlans where settings.wantsCompanion(object.value) {
            check(object, against: &owners)
        }
        for object in tunnels where settings.wantsCompanion(object.value) {
            check(object, against: &owners)
        }
    }

    private mutating func noteName<Interface: CompanionBearer>(of object: Located<Interface>) {
        let isOff = !settings.isOn("global_defs.kni")
        guard let name = object.value.companionName, isOff || object.value.companionType == .off
        else { return }
        note(
            object.location(of: "kniName"),
            object.path + ".kniName",
            "has no effect: \(isOff ? "global_defs.kni" : "kniType") is off",
            name
        )
    }

    /// `owners` are names of interfaces by those of their companions; a name of an interface that is
    /// there twice is complained about elsewhere.
    private mutating func check<Interface: CompanionBearer>(
        _ object: Located<Interface>,
        against owners: inout [String: String]
    ) {
        let (name, companion) = (object.value.name, object.value.companion)
        let location = object.location(of: "kniName")
        let path = object.path + ".kniName"
        // One that is made of the interface's name and too long only is not there.
        let isAccepted = object.value.companionName.map(CompanionType.isInterfaceName) ?? true
        if !isAccepted {
            report(
                location,
                path,
                "cannot be the name of an interface of the kernel",
                companion,
                CompanionType.namingRule
            )
        } else if let owner = owners[companion], owner != name {
            report(
                location,
                path,
                "is the kernel companion of \(owner), too",
                companion,
                "another name, or kniType off"
            )
        }
        owners[companion] = owners[companion] ?? name
    }
}
