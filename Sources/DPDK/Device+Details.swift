// SPDX-License-Identifier: Apache-2.0
import CDPDK

extension Device {
    /// What a device says of itself, in DPDK's words.
    public struct Detail: Equatable, Sendable {
        public var name: String
        /// A number, or flags in hexadecimal digits.
        public var text: String
    }

    /// Empty when the device is gone.
    public var details: [Detail] {
        let capacity = CDPDK_fact_capacity
        return unsafe withUnsafeTemporaryAllocation(of: CDPDK_fact.self, capacity: capacity) {
            facts in
            unsafe facts.initialize(repeating: CDPDK_fact())
            let count = unsafe CDPDK_port_get_details(port, facts.baseAddress, UInt32(capacity))
            return unsafe facts.prefix(max(0, Int(count)))
                .map { fact in
                    let name = unsafe fact.name.map { unsafe String(cString: $0) } ?? ""
                    let digits = unsafe String(fact.value, radix: fact.is_bits ? 16 : 10)
                    return unsafe Detail(name: name, text: (fact.is_bits ? "0x" : "") + digits)
                }
        }
    }

    /// What can be switched while the device runs.
    public enum Switch: Sendable {
        case promiscuous, allMulticast, link

        fileprivate var number: Int32 {
            switch self {
            case .promiscuous: Int32(CDPDK_switch_promiscuous.rawValue)
            case .allMulticast: Int32(CDPDK_switch_all_multicast.rawValue)
            case .link: Int32(CDPDK_switch_link.rawValue)
            }
        }
    }

    /// Throws where the driver has no such switch.
    public func set(_ which: Switch, _ isOn: Bool) throws(DPDKError) {
        try check(
            CDPDK_port_set_switch(port, which.number, isOn),
            "\(which) \(isOn ? "on" : "off")",
            on: facts.device
        )
    }

    /// nil when nobody knows; the link's state is `link`.
    public func isOn(_ which: Switch) -> Bool? {
        switch CDPDK_port_get_switch(port, which.number) {
        case 0: false
        case 1: true
        default: nil
        }
    }
}
