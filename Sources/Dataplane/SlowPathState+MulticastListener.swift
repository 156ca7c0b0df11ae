// SPDX-License-Identifier: Apache-2.0
import Addressing
import Networking
import Packet
import Timing

/// Multicast listener discovery (RFC 3810, and RFC 2710 for old queriers): switches that look into
/// it deliver neighbour solicitations only to those who said that they listen.
///
///     report, version 2                       its records
///     0      1   2          4   6       8     0      1   2         4
///     +------+---+----------+---+-------+---  +------+---+---------+-------+
///     | 143  | 0 | checksum | 0 | count |...  | type | 0 | sources | group |
///     +------+---+----------+---+-------+---  +------+---+---------+-------+
enum MulticastListener {
    static let query: UInt8 = 130, report1: UInt8 = 131, report: UInt8 = 143
    /// A query of version 1 is this long, one of version 2 is longer (RFC 3810 section 8.1).
    static let shortQuery = 24
    static let recordLength = 20
    /// Records that fit a packet of the minimum MTU, 1280 octets.
    static let recordsPerReport = 60

    /// Types of records, each about every source of a group.
    enum Change: UInt8 {
        /// In answer to a query: MODE_IS_EXCLUDE.
        case member = 2
        /// CHANGE_TO_INCLUDE_MODE, of no source.
        case left = 3
        /// CHANGE_TO_EXCLUDE_MODE.
        case joined = 4
    }
}

extension SlowPathState {
    /// Answers a querier at once: that is within any delay it allows.
    mutating func answerQuery(
        _ packet: consuming Packet,
        _ datagram: Datagram,
        on interface: InterfaceID
    ) {
        // RFC 3810 section 5.1.14 and 6.2: link-local source, one hop, and a router alert before.
        guard
            datagram.hasValidMessage, datagram.hopLimit == 1,
            datagram.source.ipv6?.isLinkLocal == true,
            datagram.payload >= MulticastListener.shortQuery,
            datagram.transport > datagram.network + 40,
            let wanted = datagram.bytes.ipv6Address(datagram.transport + 8)
        else {
            drop(packet, .badNeighbourDiscovery)
            return
        }
        guard echoTokens.take(limits.echoesPerSecond, now) else {
            drop(packet, .icmpRateLimited)
            return
        }
        let groups = own.groups(on: interface).filter { wanted == .any || $0 == wanted }.sorted()
        if datagram.payload == MulticastListener.shortQuery {
            for group in groups { sendOldReport(group, on: interface) }
        } else {
            report(groups, .member, on: interface)
        }
        deliver(packet)
    }

    /// Tells the routers of a link about groups.
    mutating func report(
        _ groups: [IPv6Address],
        _ change: MulticastListener.Change,
        on interface: InterfaceID
    ) {
        var rest = groups[...]
        while !rest.isEmpty {
            let part = rest.prefix(MulticastListener.recordsPerReport)
            rest = rest.dropFirst(part.count)
            let length = 8 + part.count * MulticastListener.recordLength
            send(headers(to: .allMLDv2Routers, interface), payload: length, checksum: 2) {
                bytes,
                base in
                bytes.set(MulticastListener.report, at: base)
                bytes.set(UInt16(part.count), at: base + 6)
                for (index, group) in part.enumerated() {
                    let record = base + 8 + index * MulticastListener.recordLength
                    bytes.set(change.rawValue, at: record)
                    bytes.set(.v6(group), at: record + 4)
                }
            }
        }
    }

    private mutating func sendOldReport(_ group: IPv6Address, on interface: InterfaceID) {
        send(headers(to: group, interface), payload: 24, checksum: 2) { bytes, base in
            bytes.set(MulticastListener.report1, at: base)
            bytes.set(.v6(group), at: base + 8)
        }
    }

    /// The unspecified source stands in until the link-local address is proven (RFC 3590).
    private func headers(to group: IPv6Address, _ interface: InterfaceID) -> Headers {
        Headers(
            source: .v6(linkLocalSource(on: interface) ?? .any),
            destination: .v6(group),
            mac: group.groupMAC,
            interface: interface,
            protocol: .icmpv6,
            hopLimit: 1,
            alertsRouters: true
        )
    }
}
