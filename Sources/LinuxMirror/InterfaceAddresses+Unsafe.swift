// SPDX-License-Identifier: Apache-2.0
package import Addressing
import CNetlink
import Glibc

/// Adds host addresses to one kernel interface and takes them away, by libnl.
///
/// Works in the network namespace in which it was made, and needs CAP_NET_ADMIN there.
@safe
package struct InterfaceAddresses: ~Copyable {
    private let socket: OpaquePointer
    private let index: Int32

    package init(of interface: String) throws(NetlinkError) {
        let number = unsafe if_nametoindex(interface)
        guard number > 0 else {
            throw NetlinkError(call: interface, reason: "there is no such interface")
        }
        let opened = unsafe try openNetlinkSocket()
        index = Int32(number)
        unsafe socket = opened
    }

    deinit { unsafe nl_socket_free(socket) }

    /// One that is there already is no error.
    package func add(_ address: IPAddress) throws(NetlinkError) {
        try unsafe change(address) { unsafe rtnl_addr_add($0, $1, 0) }
    }

    /// One that is not there is no error.
    package func remove(_ address: IPAddress) throws(NetlinkError) {
        try unsafe change(address) { unsafe rtnl_addr_delete($0, $1, 0) }
    }

    private func change(
        _ address: IPAddress,
        _ body: (OpaquePointer, OpaquePointer) -> Int32
    ) throws(NetlinkError) {
        guard let object = unsafe rtnl_addr_alloc() else {
            throw NetlinkError(call: "\(address)", reason: "no memory")
        }
        defer { unsafe rtnl_addr_put(object) }
        let wire = WireAddress(address)
        let isIPv6 = wire.isIPv6
        let mapped = unsafe withUnsafeBytes(of: (wire.first, wire.second)) { unsafe Array($0) }
        let octets = isIPv6 ? mapped : Array(mapped.suffix(4))
        let local = unsafe octets.withUnsafeBytes {
            unsafe nl_addr_build(isIPv6 ? AF_INET6 : AF_INET, $0.baseAddress, $0.count)
        }
        guard let local = unsafe local else {
            throw NetlinkError(call: "\(address)", reason: "no memory")
        }
        defer { unsafe nl_addr_put(local) }
        unsafe nl_addr_set_prefixlen(local, Int32(octets.count * 8))
        unsafe rtnl_addr_set_ifindex(object, index)
        unsafe rtnl_addr_set_local(object, local)
        // Whether another node has it is not asked: with ECMP, others do.
        if isIPv6 { unsafe rtnl_addr_set_flags(object, UInt32(IFA_F_NODAD)) }
        let result = unsafe body(socket, object)
        guard result < 0, result != -NLE_EXIST, result != -NLE_NOADDR else { return }
        throw NetlinkError("changing \(address)", result)
    }
}
