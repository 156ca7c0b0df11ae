// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import DPDK
import MetricsExposition
import Model

extension BondedPort {
    /// How the bond and its slaves fare now.
    var status: BondStatus {
        let state = device.bondState
        var bond = bond
        let policies = Bond.TransmitPolicy.allCases
        if let policy = state?.transmitPolicy, policies.indices.contains(policy) {
            bond.tuning.transmitPolicy = policies[policy]
        }
        bond.tuning.primary = primary ?? bond.tuning.primary
        return BondStatus(bond, slaves: slaves.map { status($0, state) })
    }

    /// The slave that is the primary one now.
    var primary: String? {
        guard let state = device.bondState else { return nil }
        return slaves.first { state.isPrimary($0.device) }?.name
    }

    private func status(_ slave: Slave, _ state: BondState?) -> BondStatus.Slave {
        let seen = state?[slave.device]
        let isPrimary = state?.isPrimary(slave.device) ?? false
        let isUp = slave.link.isUp
        let isActive =
            switch bond.mode {
            case .activeBackup: isPrimary && seen?.isLinkUp == true && isUp
            case .lacp: seen?.isDistributing == true
            default: seen?.isLinkUp == true
            }
        let partner = seen.flatMap { $0.partner == 0 ? nil : MACAddress(rawValue: $0.partner) }
        return BondStatus.Slave(
            name: slave.name,
            isLinkUp: isUp,
            isActive: isActive,
            isPrimary: isPrimary,
            partner: bond.mode == .lacp ? partner?.description : nil
        )
    }

    var statistics: BondStatistics {
        let status = status
        return BondStatistics(
            port: bond.name,
            mode: status.modeName,
            primary: status.primary,
            slaves: status.slaves.map {
                BondSlaveStatistics(
                    port: bond.name,
                    slave: $0.name,
                    isLinkUp: $0.isLinkUp,
                    isActive: $0.isActive
                )
            }
        )
    }
}
