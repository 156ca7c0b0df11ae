// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNetlink
import Glibc

/// Hears what changes in the kernel, and tells whether it concerns some interfaces.
///
/// It does not say what changed: whoever listens reads everything again, which is right after lost
/// messages, too. Owns a socket; one thread at a time.
@safe
struct NetlinkWatch: ~Copyable {
    /// What has come since the last time.
    struct News {
        var isRelevant = false
        /// The kernel had to drop messages (ENOBUFS): anything may have changed.
        var isOverrun = false
    }

    /// What makes a message relevant, and whether one was.
    private struct Sieve {
        var names: Set<String>
        var indices: Set<Int32>
        var neighbours: Set<IPAddress>
        var hasCaught = false
    }

    private let socket: OpaquePointer

    /// Becomes readable when something has come.
    var descriptor: Int32 { unsafe nl_socket_get_fd(socket) }

    private static let groups = [
        RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
        RTNLGRP_IPV6_ROUTE, RTNLGRP_NEIGH,
    ]
    /// Messages taken before the caller gets a chance to do something.
    private static let batch = 256

    /// `buffer`: octets of messages that may wait.
    init(buffer: Int) throws(NetlinkError) {
        let socket = try unsafe openNetlinkSocket()
        unsafe nl_socket_disable_seq_check(socket)
        var result = unsafe nl_socket_set_buffer_size(socket, Int32(buffer), 0)
        if result >= 0 { result = unsafe nl_socket_set_nonblocking(socket) }
        for group in Self.groups where result >= 0 {
            result = unsafe nl_socket_add_membership(socket, Int32(group.rawValue))
        }
        guard result >= 0 else {
            unsafe nl_socket_free(socket)
            throw NetlinkError("netlink notifications", result)
        }
        unsafe self.socket = socket
    }

    deinit { unsafe nl_socket_free(socket) }

    /// Takes what has come about interfaces of these names or numbers.
    ///
    /// `neighbours` are permanent so far: of others, whose states change all the time, only those
    /// matter that become so.
    func receive(
        _ names: Set<String>,
        _ indices: Set<Int32>,
        _ neighbours: Set<IPAddress>
    ) -> News {
        var sieve = Sieve(names: names, indices: indices, neighbours: neighbours)
        var news = News()
        unsafe withUnsafeMutablePointer(to: &sieve) { sieve in
            unsafe nl_socket_modify_cb(
                socket,
                NL_CB_VALID,
                NL_CB_CUSTOM,
                { message, sieve in unsafe NetlinkWatch.sift(message, sieve) },
                sieve
            )
            for _ in 0..<Self.batch {
                let result = unsafe nl_recvmsgs_default(socket)
                if result >= 0 { continue }
                // libnl has one number for ENOBUFS and ENOMEM.
                guard result == -NLE_NOMEM else { break }
                news.isOverrun = true
            }
        }
        news.isRelevant = sieve.hasCaught || news.isOverrun
        return news
    }

    private static func sift(
        _ message: OpaquePointer?,
        _ sieve: UnsafeMutableRawPointer?
    ) -> Int32 {
        let result = unsafe nl_msg_parse(
            message,
            { object, sieve in
                guard let object = unsafe object, let sieve = unsafe sieve else { return }
                let typed = unsafe sieve.assumingMemoryBound(to: Sieve.self)
                if unsafe NetlinkWatch.concerns(object, typed.pointee) {
                    unsafe typed.pointee.hasCaught = true
                }
            },
            sieve
        )
        // Of a message that libnl does not understand one cannot say that it does not matter.
        if result < 0, let sieve = unsafe sieve {
            unsafe sieve.assumingMemoryBound(to: Sieve.self).pointee.hasCaught = true
        }
        return Int32(NL_OK.rawValue)
    }

    private static func concerns(_ object: OpaquePointer, _ sieve: Sieve) -> Bool {
        switch unsafe Int(nl_object_get_msgtype(object)) {
        case Int(RTM_NEWLINK), Int(RTM_DELLINK):
            if sieve.indices.contains(unsafe rtnl_link_get_ifindex(object)) { return true }
            guard let name = unsafe rtnl_link_get_name(object) else { return false }
            return sieve.names.contains(unsafe String(cString: name))
        case Int(RTM_NEWADDR), Int(RTM_DELADDR):
            return sieve.indices.contains(unsafe rtnl_addr_get_ifindex(object))
        case Int(RTM_NEWNEIGH), Int(RTM_DELNEIGH):
            guard sieve.indices.contains(unsafe rtnl_neigh_get_ifindex(object)) else {
                return false
            }
            guard unsafe rtnl_neigh_get_state(object) & Int32(NUD_PERMANENT) == 0 else {
                return true
            }
            let address = unsafe IPAddress(rtnl_neigh_get_dst(object))
            return address.map(sieve.neighbours.contains) ?? false
        case Int(RTM_NEWROUTE), Int(RTM_DELROUTE):
            return (0..<max(0, unsafe rtnl_route_get_nnexthops(object)))
                .contains { number in
                    guard let hop = unsafe rtnl_route_nexthop_n(object, number) else {
                        return false
                    }
                    return sieve.indices.contains(unsafe rtnl_route_nh_get_ifindex(hop))
                }
        default: return true
        }
    }
}
