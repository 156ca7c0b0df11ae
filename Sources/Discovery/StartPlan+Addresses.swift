// SPDX-License-Identifier: Apache-2.0
import Linux
import Model

/// The addresses by which devices read and write packets.
///
/// A device behind an IOMMU is told virtual addresses, hugepages or not. One without is told physical
/// ones, which only hugepages have for good; told others it would write somewhere.
extension StartPlan {
    /// What keeps a start from giving every device addresses that are right: DPDK would start, and
    /// devices would write elsewhere, or find nothing.
    package func refusals() -> [Check] {
        devices.flatMap { choice in
            choice.device.map { addressChecks("device \(choice.name)", $0) } ?? []
        }
        .filter { $0.state == .missing }
    }

    func addressChecks(_ subject: String, _ device: BusDevice) -> [Check] {
        guard device.isUnprotected else { return [] }
        let name = "\(device.name) (\(device.driver ?? ""), no IOMMU)"
        var checks: [Check] = []
        if (settings.text("global_defs.iova_mode") ?? "va") == "va" {
            checks.append(
                .missing(
                    subject,
                    "\(name) takes physical addresses, and iova_mode is va",
                    node:
                        "dpvs.conf: global_defs { iova_mode pa }; vfio-pci behind an IOMMU is safer"
                )
            )
        }
        if memory.pages == nil {
            checks.append(
                .missing(
                    subject,
                    "\(name) needs hugepages, because plain memory has no physical addresses that "
                        + "last: \(memory.description)",
                    node: memoryCheck().node
                )
            )
        }
        if !findings.has(.admin) {
            checks.append(
                .missing(
                    subject,
                    "physical addresses are told to CAP_SYS_ADMIN only",
                    node: "vfio-pci behind an IOMMU needs no such right",
                    pod: "securityContext.privileged: true"
                )
            )
        }
        return checks
    }
}
