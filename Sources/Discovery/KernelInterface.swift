// SPDX-License-Identifier: Apache-2.0
package import Linux
import Model

/// How an interface of the kernel is driven: the best way that this kernel and these rights allow.
///
/// `device NAME { interface eth1 }` asks for it; `refusals` say what is better and why it is not used.
package struct KernelInterface: Equatable, Codable, Sendable {
    /// Best first.
    package enum Way: String, Codable, Sendable {
        /// AF_XDP, and the device's driver fills our packet buffers by itself.
        case zeroCopy = "af_xdp_zero_copy"
        /// AF_XDP; the kernel copies each frame once.
        case copy = "af_xdp"
        /// AF_PACKET: frames of the kernel's own path, copied.
        case packet = "af_packet"

        /// "AF_XDP with zero copy".
        package var title: String {
            switch self {
            case .zeroCopy: "AF_XDP with zero copy"
            case .copy: "AF_XDP"
            case .packet: "AF_PACKET"
            }
        }

        package var isXDP: Bool { self != .packet }
    }

    package var link: KernelLink
    package var way: Way
    /// "AF_XDP not used: the kernel loads no XDP program: Operation not permitted".
    package var refusals: [String]
    /// The program that a process which was killed has left attached.
    package var leftover: KernelLink.Program?

    package var name: String { link.name }

    /// Receive queues that are opened by AF_XDP: all that the interface has, because frames of any
    /// other one go to the kernel.
    package var queues: Int { link.queues }

    /// What DPDK is asked for.
    package var driver: String {
        guard way.isXDP else { return "net_af_packet,iface=\(name)" }
        return "net_af_xdp,iface=\(name),start_queue=0,queue_count=\(queues)"
    }

    /// "eth1 by AF_PACKET (AF_XDP not used: ...)".
    package var description: String {
        let reasons = refusals.isEmpty ? "" : " (\(refusals.joined(separator: "; ")))"
        return "\(name) by \(way.title)\(reasons)"
    }

    /// What a choice depends on beside the interface.
    package struct Conditions: Sendable {
        /// Workers that transmit, each on a queue of its own.
        package var workers = 1
        /// Room for a frame in each packet buffer, in octets.
        package var frameSize = 2048
        /// Whether the packet memory may be locked, once for each queue.
        package var mayLock = true
        /// What lacks of the packet buffers that the queues of all such interfaces keep; nil: nothing.
        package var bufferLack: String?
        /// Whether it is to be a slave of a bond.
        package var isSlave = false

        package init() {}
    }

    /// Judges `link`; `trial` tries what only trying shows.
    package init(
        _ link: KernelLink,
        _ conditions: Conditions,
        trial: (KernelLink) -> KernelLink.XDPRefusal?
    ) {
        self.link = link
        way = .packet
        refusals = []
        if let reason = Self.reasonAgainstXDP(link, conditions) {
            refuse(reason)
            return
        }
        if let refusal = trial(link) {
            refuse(refusal.reason)
            return
        }
        if link.program?.isOfSockets == true { leftover = link.program }
        way = link.features?.isZeroCopy == false ? .copy : .zeroCopy
        if way == .copy {
            refusals.append("zero copy not used: \(Self.driverName(link)) cannot do it")
        }
    }

    private mutating func refuse(_ reason: String) {
        way = .packet
        refusals = ["AF_XDP not used: \(reason)"]
    }

    /// Falls back to AF_PACKET, because the start has shown that AF_XDP does not work.
    package mutating func fallBack(because reason: String) { refuse(reason) }

    /// Corrects the way to what the sockets say after the start.
    package mutating func settle(isZeroCopy: Bool) {
        guard way == .zeroCopy, !isZeroCopy else { return }
        way = .copy
        refusals.append("zero copy not used: the kernel has given the sockets copies")
    }

    // MARK: - Reasons

    /// The most octets of room for a frame that leave a packet buffer within a page, as AF_XDP wants
    /// it: see `doc/devices.md`.
    package static let longestFrameRoom = 3712

    private static func driverName(_ link: KernelLink) -> String {
        link.driver.isEmpty ? "its driver" : "driver \(link.driver)"
    }

    private static func reasonAgainstXDP(
        _ link: KernelLink,
        _ conditions: Conditions
    ) -> String? {
        if !link.isEthernet { return "\(link.name) is no Ethernet interface" }
        if let features = link.features {
            if !features.isNative { return "\(driverName(link)) runs no XDP programs" }
            if !features.redirects { return "\(driverName(link)) redirects nothing to sockets" }
        }
        if conditions.isSlave { return "DPDK's AF_XDP cannot take the address of a bond" }
        if !link.hasCombinedQueues {
            return "its \(link.queues) receive queues are no combined channels, which DPDK demands"
        }
        if link.queues < conditions.workers {
            return
                "it has \(counted(link.queues, "queue")) and \(conditions.workers) workers send on "
                + "one each: ethtool -L \(link.name) combined \(conditions.workers)"
        }
        if conditions.frameSize > longestFrameRoom {
            return "packet buffers for an MTU of that size do not fit a page: mtu 3392 at most"
        }
        if let lack = conditions.bufferLack { return lack }
        if !conditions.mayLock {
            return "packet memory may not be locked: LimitMEMLOCK=infinity or CAP_IPC_LOCK"
        }
        if let program = link.program, !program.isOfSockets, !program.isOfDispatcher {
            let name = program.name.isEmpty ? "number \(program.number)" : program.name
            return "another XDP program is attached to \(link.name): \(name)"
        }
        return nil
    }
}

extension KernelLink.Program {
    /// Whether it is libxdp's, which gives frames to the sockets that are bound, and those of other
    /// queues to the kernel.
    package var isOfSockets: Bool { name == "xsk_def_prog" }

    /// Whether it is libxdp's that calls several others.
    var isOfDispatcher: Bool { name == "xdp_dispatcher" }
}

extension KernelLink.XDPRefusal {
    /// A clause with the remedy.
    var reason: String {
        switch self {
        case .program(let code):
            "the kernel loads no XDP program (\(text(code))): CAP_BPF and CAP_NET_ADMIN"
        case .socket(let code):
            isMissing(code)
                ? "this kernel has no AF_XDP (CONFIG_XDP_SOCKETS)"
                : "the kernel makes no AF_XDP socket (\(text(code))): CAP_NET_RAW"
        case .memory(let code):
            "the kernel takes no packet memory for AF_XDP (\(text(code))): CAP_IPC_LOCK"
        case .bind(let queue, let code):
            LinuxError("bind", code).isBusy
                ? "another AF_XDP socket has queue \(queue)"
                : "the kernel binds no socket to queue \(queue) (\(text(code)))"
        }
    }

    private func text(_ code: Int32) -> String { LinuxError("", code).reason }

    /// EAFNOSUPPORT: socket(2) knows no such family.
    private func isMissing(_ code: Int32) -> Bool { code == 97 }
}
