// SPDX-License-Identifier: Apache-2.0

/// An interface of its own on a device: frames with its tags.
package struct VLANInterface: CompanionBearer, ConfigurationObject {
    /// Identifiers that a VLAN may have: IEEE 802.1Q reserves 0 and 4095.
    package static let identifiers = 1...4094

    package var name: String
    /// The device that carries it.
    package var link: String
    /// Of the only tag, or of the outer one.
    package var id: Int
    /// Of the inner tag; nil: there is one tag.
    package var innerID: Int?
    /// Of the frames that are sent, 0 to 7.
    package var priority: Int
    /// Of packets; nil: the device's.
    package var mtu: Int?
    package var companionName: String?
    package var companionType: CompanionType
    package var owner: Owner

    package var key: String { name }

    package init(
        name: String,
        link: String,
        id: Int,
        innerID: Int? = nil,
        priority: Int = 0,
        mtu: Int? = nil,
        companionName: String? = nil,
        companionType: CompanionType = .auto,
        owner: Owner = .runtime
    ) {
        self.name = name
        self.link = link
        self.id = id
        self.innerID = innerID
        self.priority = priority
        self.mtu = mtu
        self.companionName = companionName
        self.companionType = companionType
        self.owner = owner
    }

    /// What a VLAN is called that nobody gave another name: `dpdk0.100`, `dpdk0.100.7`.
    package static func name(link: String, id: Int, innerID: Int?) -> String {
        "\(link).\(id)" + (innerID.map { ".\($0)" } ?? "")
    }

    /// `dpdk0 vlan 100 inner 7`: what no two may have in common.
    package var way: String { "\(link) vlan \(id)" + (innerID.map { " inner \($0)" } ?? "") }
}
