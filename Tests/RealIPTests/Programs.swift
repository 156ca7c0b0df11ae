// SPDX-License-Identifier: Apache-2.0
import Addressing
import BPF
import CRealIP
import PacketTesting
import Testing

@testable import RealIP

/// The programs in this kernel, without a network: packets are handed to them.
struct TriedPrograms {
    let loaded: LoadedPrograms
    private(set) var believed: BelievedMap

    init(believing prefixes: [String] = ["10.0.1.200", "fd00::200"]) throws {
        var options = ReceiverOptions(groups: [])
        options.interfaces = ["eth0"]
        options.flows = 64
        loaded = try LoadedPrograms(options)
        believed = BelievedMap(try loaded.object.map("believed"))
        try believe(prefixes)
    }

    mutating func believe(_ prefixes: [String]) throws {
        try believed.set(Set(prefixes.map { try #require(IPPrefix($0)) }))
    }

    /// What a packet is when it goes on to the kernel; the verdict is always to go on.
    func receive(_ packet: [UInt8]) throws -> [UInt8] {
        let (verdict, octets) = try loaded.object.run("realip_ingress", on: packet)
        #expect(verdict == UInt32(bitPattern: -1), "TC_ACT_UNSPEC")
        return octets
    }

    func count(_ counter: Counter) throws -> UInt64 {
        try loaded.object.map("counters").sum(at: counter.index)
    }

    /// The client behind a local address of the balancer, as a socket with `port` is told.
    func client(behind remote: String, port: UInt16, at local: String? = nil) throws -> Endpoint? {
        try entry("flows_in", remote, port, local).map(Self.other)
    }

    /// Where answers to a client go.
    func balancer(of client: String, port: UInt16) throws -> Endpoint? {
        try entry("flows_out", client, port, nil).map(Self.other)
    }

    /// Whether several own addresses share the flow.
    func isShared(_ remote: String, port: UInt16) throws -> Bool {
        try entry("flows_in", remote, port, nil)?.is_shared == 1
    }

    private func entry(
        _ map: String,
        _ remote: String,
        _ port: UInt16,
        _ local: String?
    ) throws -> CRealIP_flow? {
        let endpoint = try #require(Endpoint(remote))
        var key = CRealIP_flow_key()
        key.remote.address = CRealIP_address(endpoint.address)
        key.remote.port = endpoint.port.bigEndian
        key.local_port = port.bigEndian
        if let local { key.local = CRealIP_address(try #require(IPAddress(local))) }
        return try loaded.object.map(map).value(at: key, blank: CRealIP_flow())
    }

    private static func other(_ flow: CRealIP_flow) -> Endpoint {
        Endpoint(flow.other.address.address, UInt16(bigEndian: flow.other.port))
    }
}

enum Kernel {
    /// Why programs cannot be tried here; nil: they can.
    static let refusal: String? = {
        let report = KernelReport.ofThisMachine()
        return report.isGood ? nil : report.rows.first { !$0.isGood && $0.isNeeded }?.finding
    }()
}

extension Trait where Self == ConditionTrait {
    /// For tests that load programs.
    static var needsEBPF: Self {
        .enabled(
            if: Kernel.refusal == nil,
            "eBPF programs cannot be loaded here: \(Kernel.refusal ?? "")"
        )
    }
}

/// A datagram from the balancer's local address to the server.
func datagram(
    isIPv6: Bool = false,
    to destination: String? = nil,
    _ change: (inout TransportFrame) -> Void = { _ in }
) -> TransportFrame {
    TransportFrame(
        from: isIPv6 ? "[fd00::200]:2000" : "10.0.1.200:2000",
        to: destination ?? (isIPv6 ? "[fd00::2]:53" : "10.0.1.2:53"),
        isUDP: true
    ) {
        $0.data = [1, 2, 3]
        change(&$0)
    }
}

extension [UInt8] {
    /// The frame with `header` in front of its datagram, as protocol 248.
    func carrying(_ header: [UInt8], behind offset: Int) -> [UInt8] {
        let type = self[12] == 0x86 ? 6 : 4
        var packet = Array(self[14..<offset]) + header + self[offset...]
        if type == 6 {
            packet[6] = 248
            let length = UInt16(packet[4]) << 8 + UInt16(packet[5]) + UInt16(header.count)
            packet.replaceSubrange(4..<6, with: [UInt8(length >> 8), UInt8(length & 0xFF)])
        } else {
            packet[9] = 248
            packet = packet.withIPv4Length(packet.count)
        }
        return prefix(14) + packet
    }

    /// An IPv4 packet that says it has `count` octets, with a header checksum that is right.
    func withIPv4Length(_ count: Int) -> [UInt8] {
        var packet = self
        let header = Int(packet[0] & 15) * 4
        packet.replaceSubrange(2..<4, with: [UInt8(count >> 8), UInt8(count & 0xFF)])
        packet.replaceSubrange(10..<12, with: [0, 0])
        let sum = Checksum.of(Array(packet[..<header]))
        packet.replaceSubrange(10..<12, with: [UInt8(sum >> 8), UInt8(sum & 0xFF)])
        return packet
    }
}
