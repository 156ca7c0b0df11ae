// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import Balancing
import Containers
public import Networking

/// A tunnel that is an interface, as workers know it.
public struct TunnelDevice: BitwiseCopyable, Sendable, Equatable {
    /// Of the interface.
    public var interface: InterfaceID
    /// The place of its sequence numbers.
    public var identifier: Int
    public var isGRE: Bool
    /// The other end; nil: any, and nothing can be sent.
    public var remote: IPAddress?
    /// nil: any address of ours.
    public var local: IPAddress?
    /// The only interface that it may use; nil: any.
    public var link: InterfaceID?
    /// What arrives has this key, or none.
    public var key: UInt32?
    public var needsChecksum: Bool
    public var needsSequence: Bool
    /// How packets are wrapped that are sent.
    public var encapsulation: Encapsulation?

    public init(
        interface: InterfaceID,
        identifier: Int,
        isGRE: Bool,
        remote: IPAddress?,
        local: IPAddress?,
        link: InterfaceID? = nil,
        key: UInt32? = nil,
        needsChecksum: Bool = false,
        needsSequence: Bool = false,
        encapsulation: Encapsulation?
    ) {
        self.interface = interface
        self.identifier = identifier
        self.isGRE = isGRE
        self.remote = remote
        self.local = local
        self.link = link
        self.key = key
        self.needsChecksum = needsChecksum
        self.needsSequence = needsSequence
        self.encapsulation = encapsulation
    }

    /// How much it says about what arrives: of two that fit a packet the one that says more gets it.
    var precision: Int { (remote == nil ? 0 : 4) + (local == nil ? 0 : 2) + (link == nil ? 0 : 1) }
}

/// The tunnels of one snapshot: immutable, freed with it.
@safe
public struct TunnelTable: BitwiseCopyable, @unchecked Sendable {
    /// Tunnels of one configuration; a packet that is of none is compared with all.
    public static let capacity = 256

    private let devices: UnsafeMutablePointer<TunnelDevice>
    public let count: Int

    /// At most `capacity` tunnels.
    public init(_ devices: [TunnelDevice] = []) {
        precondition(devices.count <= Self.capacity)
        count = devices.count
        unsafe self.devices = .allocate(capacity: max(1, devices.count))
        for (place, device) in devices.sorted(by: { $0.precision > $1.precision }).enumerated() {
            unsafe (self.devices + place).initialize(to: device)
        }
    }

    func destroy() { unsafe devices.deallocate() }

    /// The tunnel that is an interface.
    func device(_ interface: InterfaceID) -> TunnelDevice? {
        for place in 0..<count where unsafe devices[place].interface == interface {
            return unsafe devices[place]
        }
        return nil
    }

    /// The tunnel that a packet arrives by; `key` is that of its GRE header.
    func device(
        isGRE: Bool,
        from source: IPAddress,
        to destination: IPAddress,
        key: UInt32?,
        on interface: InterfaceID
    ) -> TunnelDevice? {
        for place in 0..<count {
            let device = unsafe devices[place]
            guard device.isGRE == isGRE, device.key == key,
                device.link == nil || device.link == interface,
                device.remote == nil || device.remote == source,
                device.local == nil || device.local == destination
            else { continue }
            return device
        }
        return nil
    }
}

/// The sequence numbers of tunnels, which all workers count together.
public struct TunnelSequences: BitwiseCopyable, Sendable {
    private let block: CounterBlock

    init?() {
        guard let block = CounterBlock(count: InterfaceNumbers.capacity * 2) else { return nil }
        self.block = block
    }

    func destroy() { block.destroy() }

    /// Goes on at `number`, unless something has been sent already.
    func begin(at number: UInt32, of identifier: Int) {
        _ = block.exchange(0, for: UInt64(number), at: identifier &* 2)
    }

    /// What `next` will say.
    func upcoming(of identifier: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: block[identifier &* 2])
    }

    /// The number of the next packet that is sent.
    func next(of identifier: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: block.fetchAdd(1, at: identifier &* 2))
    }

    /// Whether a number that arrived is not older than one before it.
    ///
    /// RFC 2890 section 2.2: a packet is out of sequence "if the sequence number is less than or
    /// equal to" the last one; workers receive side by side, so here an equal one is the first or a
    /// copy, and only older ones are refused.
    func accept(_ sequence: UInt32, of identifier: Int) -> Bool {
        let place = identifier &* 2 &+ 1
        while true {
            let word = block[place]
            // Nothing has arrived yet.
            let isFirst = word >> 32 == 0
            let distance = Int32(bitPattern: sequence &- UInt32(truncatingIfNeeded: word))
            if !isFirst, distance < 0 { return false }
            if block.exchange(word, for: 1 << 32 | UInt64(sequence), at: place) { return true }
        }
    }
}
