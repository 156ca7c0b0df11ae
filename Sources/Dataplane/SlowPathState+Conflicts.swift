// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import Networking
import Packet
import Timing

/// Another node that says an address of ours is its own.
public struct AddressConflict: Hashable, Sendable {
    public var address: IPAddress
    /// The interface by which it was heard.
    public var interface: InterfaceID
    public var claimant: MACAddress
}

/// Claims of others to addresses of ours, and their defence (RFC 5227 section 2.4, RFC 4862 section 5.4.4).
struct AddressConflicts {
    /// `DEFEND_INTERVAL` of RFC 5227 section 1.1: two nodes that both insist fill no link.
    static var defendInterval: Duration { .seconds(10) }
    /// A claim that was not repeated for so long is over.
    private static var memory: Duration { .seconds(60) }
    /// So many claims are remembered, whoever invents more.
    private static var capacity: Int { 256 }

    private struct Link: Hashable {
        var address: IPAddress
        var interface: InterfaceID
    }

    private var heard: [AddressConflict: Instant] = [:]
    private var defended: [Link: Instant] = [:]

    var all: [AddressConflict] { Array(heard.keys) }

    /// Remembers a claim; true when the address is to be defended once more.
    mutating func note(_ conflict: AddressConflict, at now: Instant) -> Bool {
        if heard[conflict] != nil || heard.count < Self.capacity { heard[conflict] = now }
        let link = Link(address: conflict.address, interface: conflict.interface)
        guard defended[link] == nil, defended.count < Self.capacity else { return false }
        defended[link] = now
        return true
    }

    /// Forgets what is long ago, and what is about addresses that are not ours any more.
    mutating func forget(before now: Instant, where isOurs: (IPAddress, InterfaceID) -> Bool) {
        heard = heard.filter {
            isOurs($0.key.address, $0.key.interface) && $0.value.advanced(by: Self.memory) > now
        }
        defended = defended.filter {
            isOurs($0.key.address, $0.key.interface)
                && $0.value.advanced(by: Self.defendInterval) > now
        }
    }
}

extension SlowPathState {
    /// How long a defence waits.
    ///
    /// Where VRRP moves an address, the new master may be heard before the old one has given it up;
    /// the announcement of an address that is not ours any more is never sent.
    private static var patience: Duration { .seconds(1) }

    /// A node said in a message of its own that `address` is where `claimant` is.
    mutating func noteClaim(
        to address: IPAddress,
        by claimant: MACAddress,
        on interface: InterfaceID
    ) {
        guard claimant != device(of: interface).traits.macAddress,
            own.onLink(address, on: interface)?.standing == .usable
        else { return }
        counters.add(1, to: .addressConflicts)
        let conflict = AddressConflict(address: address, interface: interface, claimant: claimant)
        guard conflicts.note(conflict, at: now) else { return }
        announcements.append(
            Announcement(
                matter: .address(address),
                interface: interface,
                due: now.advanced(by: Self.patience),
                remaining: 1
            )
        )
    }
}
