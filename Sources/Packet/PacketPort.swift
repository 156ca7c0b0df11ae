// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// One receive and one transmit queue of a network port, as one worker uses it.
///
/// A conformer is a small handle, copied freely; the state behind it belongs to one thread, except
/// `allocate` and `free`, which any thread may call on its own handle.
public protocol PacketPort: BitwiseCopyable, Sendable {
    /// What does not change while the port runs.
    var traits: PortTraits { get }

    /// Appends received frames to `burst` until it is full or the queue is empty.
    ///
    /// Every frame comes in one segment of at least 14 octets.
    func receive(into burst: inout Burst)

    /// Gives `burst` to the port, first packet first; those not accepted stay in it, in order.
    func transmit(_ burst: inout Burst)

    /// Returns the buffers of `burst` to their pool and empties it.
    func free(_ burst: inout Burst)

    /// A fresh buffer with an empty frame and room before it, or nil when the pool is empty.
    func allocate() -> Packet?

    /// Has the receive queue give a signal, by its descriptor, for frames that come from now on; of
    /// those that are there already it may say nothing.
    func arm()

    /// No signals are wanted any more.
    func disarm()
}

extension PacketPort {
    public func arm() {}
    public func disarm() {}
}

/// What the packet path must know of a port.
public struct PortTraits: BitwiseCopyable, Sendable {
    /// Position in the dataplane's list of ports.
    public var index: UInt16
    /// The port's own address.
    public var macAddress: MACAddress
    /// Largest IP packet, in octets, without the link-layer header.
    public var mtu: UInt16
    public var offloads: Offloads

    public init(index: UInt16, macAddress: MACAddress, mtu: UInt16, offloads: Offloads = []) {
        self.index = index
        self.macAddress = macAddress
        self.mtu = mtu
        self.offloads = offloads
    }

    /// Work that the device does, or leaves to us.
    ///
    /// Checksums of what is sent are none of it: they are updated by what changes in a packet, so
    /// that damaged data stays damaged; a device would compute them anew from whatever is there.
    public struct Offloads: OptionSet, BitwiseCopyable, Sendable {
        public var rawValue: UInt32

        public init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// Received frames carry a verdict on their TCP or UDP checksum: see `ChecksumVerdict`.
        public static let receiveL4Checksum = Offloads(rawValue: 1 << 1)
        /// VLAN tags are taken out of received frames and put into `vlan_tci`.
        public static let receiveVLANStrip = Offloads(rawValue: 1 << 2)
        public static let transmitVLANInsert = Offloads(rawValue: 1 << 6)
        /// Frames may come with TCP, UDP and SCTP checksums that their sender has left to its device,
        /// without a word about it, and longer than the MTU: from senders on this host.
        ///
        /// What is left there is the sum of the pseudo-header; only what has that is finished.
        public static let unfinishedReceiveChecksums = Offloads(rawValue: 1 << 7)
        /// The driver sends or receives by system calls, whose time is the kernel's and not our load.
        public static let callsKernel = Offloads(rawValue: 1 << 8)
        /// Packets of one flow come to one receive queue and then to another, and several workers
        /// poll these: whoever is behind the device goes by what was sent last.
        public static let scattersFlows = Offloads(rawValue: 1 << 9)
    }
}
