// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A network interface of the kernel as it is at one moment, in the caller's network namespace.
package struct KernelLink: Equatable, Codable, Sendable {
    /// What XDP can do there, by the kernel's own word (Linux 6.3 and later).
    package struct XDPFeatures: Equatable, Codable, Sendable {
        /// Its driver runs programs itself, before the kernel has made anything of a frame.
        package var isNative: Bool
        /// Programs may redirect frames, to a socket for instance.
        package var redirects: Bool
        /// Its driver fills the memory of a socket by itself.
        package var isZeroCopy: Bool

        package init(isNative: Bool, redirects: Bool, isZeroCopy: Bool) {
            self.isNative = isNative
            self.redirects = redirects
            self.isZeroCopy = isZeroCopy
        }
    }

    /// An XDP program that is attached.
    package struct Program: Equatable, Codable, Sendable {
        /// The kernel's number of it.
        package var number: UInt32
        /// Empty where the kernel does not let us see.
        package var name: String
        /// Whether the driver runs it; else the kernel does, on socket buffers.
        package var isNative: Bool

        package init(number: UInt32, name: String, isNative: Bool) {
            self.number = number
            self.name = name
            self.isNative = isNative
        }
    }

    package var name: String
    package var index: UInt32
    package var isEthernet: Bool
    package var isUp: Bool
    package var hasCarrier: Bool
    /// Octets.
    package var mtu: Int
    /// Receive queues that are in use.
    package var queues: Int
    /// Whether each of them is one channel with a transmit queue (`ethtool -l`: combined).
    package var hasCombinedQueues: Bool
    /// Whether the device takes VLAN tags out of frames, so that XDP programs do not see them.
    package var stripsTags: Bool
    /// "veth", "i40e"; empty where the driver does not say.
    package var driver: String
    /// nil: this kernel does not tell.
    package var features: XDPFeatures?
    package var program: Program?

    package init(name: String) {
        self.name = name
        index = 0
        isEthernet = true
        isUp = true
        hasCarrier = true
        mtu = 1500
        queues = 1
        hasCombinedQueues = true
        stripsTags = false
        driver = ""
    }

    /// The interface of this name; nil when there is none.
    package static func named(_ name: String) -> KernelLink? {
        var raw = CLinux_link()
        guard unsafe name.withCString({ unsafe CLinux_get_link($0, &raw) }) == 0 else {
            return nil
        }
        var link = KernelLink(name: name)
        link.index = raw.index
        link.isEthernet = raw.type == 1
        link.isUp = raw.is_up != 0
        link.hasCarrier = raw.has_carrier != 0
        link.mtu = Int(raw.mtu)
        link.queues = Int(raw.queues)
        link.hasCombinedQueues = raw.has_combined_queues != 0
        link.stripsTags = raw.strips_tags != 0
        link.driver = text(raw.driver)
        if raw.knows_xdp != 0 {
            link.features = XDPFeatures(
                isNative: raw.has_native_xdp != 0,
                redirects: raw.has_redirect != 0,
                isZeroCopy: raw.has_zero_copy != 0
            )
        }
        if raw.program != 0 {
            link.program = Program(
                number: raw.program,
                name: programName(raw.program),
                isNative: raw.xdp_mode != 2
            )
        }
        return link
    }

    private static func programName(_ number: UInt32) -> String {
        unsafe withUnsafeTemporaryAllocation(
            of: CChar.self,
            capacity: Int(CLinux_name_capacity)
        ) { name in
            unsafe name.initialize(repeating: 0)
            guard unsafe CLinux_program_name(number, name.baseAddress) == 0 else { return "" }
            return unsafe text(bytes: UnsafeRawBufferPointer(name))
        }
    }

    /// The text in a fixed array of C characters.
    private static func text<Characters>(_ characters: Characters) -> String {
        unsafe withUnsafeBytes(of: characters) { unsafe text(bytes: $0) }
    }

    private static func text(bytes: UnsafeRawBufferPointer) -> String {
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}

// MARK: - What is changed

extension KernelLink {
    /// Has the interface receive every multicast frame for as long as the process lives
    /// (CAP_NET_RAW): neighbour discovery is sent to groups that the kernel has not joined.
    package func receiveMulticast() throws(LinuxError) {
        guard CLinux_receive_multicast(index) >= 0 else {
            throw LinuxError("PACKET_ADD_MEMBERSHIP", on: name)
        }
    }

    /// Switches off what makes long packets of several received ones, GRO and LRO (CAP_NET_ADMIN);
    /// returns whether something was on.
    package func stopJoining() throws(LinuxError) -> Bool {
        let result = unsafe name.withCString { unsafe CLinux_stop_joining($0) }
        guard result >= 0 else { throw LinuxError("SIOCETHTOOL", on: name) }
        return result > 0
    }

    /// Switches the interface `name` on, unless it is (CAP_NET_ADMIN).
    package static func setUp(_ name: String) throws(LinuxError) {
        guard unsafe name.withCString({ unsafe CLinux_set_up($0) }) == 0 else {
            throw LinuxError("SIOCSIFFLAGS", on: name)
        }
    }
}

// MARK: - XDP

extension KernelLink {
    /// Why the kernel does not let this process use AF_XDP.
    package enum XDPRefusal: Error, Equatable, Sendable {
        /// It does not load the program.
        case program(code: Int32)
        /// It makes no socket.
        case socket(code: Int32)
        /// It does not take memory for the socket.
        case memory(code: Int32)
        /// It does not bind the socket to a queue.
        case bind(queue: Int, code: Int32)
    }

    /// Tries, without touching the driver, whether an XDP program can be loaded and an AF_XDP socket
    /// bound to each queue; nil: all of it.
    ///
    /// Frames go on to the kernel meanwhile.
    package func tryXDP() -> XDPRefusal? {
        for queue in 0..<queues {
            let step = CLinux_try_xdp(index, UInt32(queue))
            guard step != 0 else { continue }
            let code = LinuxError("CLinux_try_xdp").code
            switch UInt32(step) {
            case CLinux_xdp_program.rawValue: return .program(code: code)
            case CLinux_xdp_socket.rawValue: return .socket(code: code)
            case CLinux_xdp_memory.rawValue: return .memory(code: code)
            default: return .bind(queue: queue, code: code)
            }
        }
        return nil
    }

    /// What the kernel says when it refuses to have the driver run a program; nil: it does not.
    ///
    /// The program lets every frame pass and is taken off again; some drivers stop the link for a
    /// moment.
    package func tryAttaching() -> String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { message in
            unsafe message.initialize(repeating: 0)
            guard unsafe CLinux_try_attaching(index, message.baseAddress, message.count) != 0 else {
                return nil
            }
            let error = LinuxError("RTM_SETLINK")
            let sentence = unsafe Self.text(bytes: UnsafeRawBufferPointer(message))
            return sentence.isEmpty ? error.reason : "\(sentence) (\(error.reason))"
        }
    }

    /// Takes `program` off the interface, if it is still the one that is attached.
    package func detach(_ program: Program) throws(LinuxError) {
        guard CLinux_detach_program(index, program.number) == 0 else {
            throw LinuxError("RTM_SETLINK", on: "\(name), XDP program \(program.name)")
        }
    }
}

extension KernelLink {
    /// The number of the interface of this name; nil: there is none.
    package static func index(of name: String) -> Int32? {
        let index = unsafe name.withCString { unsafe if_nametoindex($0) }
        return index == 0 ? nil : Int32(clamping: index)
    }
}
