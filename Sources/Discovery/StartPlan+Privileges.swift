// SPDX-License-Identifier: Apache-2.0
package import Linux
import Model

extension StartPlan {
    /// Capabilities that the process goes on to need once its devices run.
    package var lastingCapabilities: Capabilities {
        // A reload reads files that may be another user's.
        var kept: Capabilities = .readFiles
        // Companions come, go and change with the configuration.
        if settings.isOn("global_defs.kni") { kept.formUnion(.netAdmin) }
        if settings.text("global_defs.announce_on") != nil { kept.formUnion(.netAdmin) }
        let slaves = settings.bondOfSlave
        for choice in devices {
            // When a link goes down, DPDK gives another slave the bond's address, which is the
            // kernel's to change where it drives the device.
            let isShared = choice.device?.kind == .bifurcated
            if slaves[choice.name] != nil, choice.driver != nil || isShared {
                kept.formUnion(.netAdmin)
            }
            switch choice.device?.kind {
            // Memory that is added later is locked, too.
            case .vfio: kept.formUnion(.ipcLock)
            // The kernel asks for it with every flow rule.
            case .bifurcated: kept.formUnion([.ipcLock, .netRaw])
            case .uio: kept.formUnion(.rawIO)
            case .kernel, .unbound, .absent, .mediated, nil: break
            }
            let driver = choice.driver ?? ""
            // The end takes the XDP program off the interface.
            if driver.hasPrefix("net_af_xdp") { kept.formUnion([.netAdmin, .bpf]) }
            if driver.hasPrefix("net_tap") || driver.hasPrefix("net_virtio_user") {
                kept.formUnion(.netAdmin)
            }
        }
        return kept
    }
}
