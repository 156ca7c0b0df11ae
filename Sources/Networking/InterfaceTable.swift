// SPDX-License-Identifier: Apache-2.0
public import Packet

/// The interfaces of one snapshot, a record under each identifier: immutable, freed with the
/// snapshot, so that a packet sees the interfaces of one state.
///
/// Ports stand first, then the places of `InterfaceNumbers`. One that is gone keeps its record and
/// only takes no more frames.
@safe
public struct InterfaceTable: BitwiseCopyable, @unchecked Sendable {
    /// Every identifier is less.
    public static let limit = InterfaceID.portLimit + InterfaceNumbers.places

    private let records: UnsafeMutablePointer<InterfaceRecord>
    /// Of records: without VLANs and tunnels those of ports alone.
    private let count: Int
    /// What every interface takes; a packet that is not longer needs no closer look.
    public let smallestMTU: UInt16

    /// The records of the interfaces that are there, of which those that are no ports have their
    /// identifiers from `numbers`.
    ///
    /// A port without a record takes frames of any length: nothing limits it but its device.
    public init(
        _ numbers: InterfaceNumbers = InterfaceNumbers(),
        _ present: [InterfaceID: InterfaceRecord] = [:]
    ) {
        count = InterfaceID.portLimit + numbers.keys.count
        unsafe records = .allocate(capacity: count)
        for port in 0..<InterfaceID.portLimit {
            let record = present[InterfaceID(port: port)]
            unsafe (records + port)
                .initialize(to: record ?? InterfaceRecord(port: port, mtu: .max))
        }
        for (place, key) in numbers.keys.enumerated() {
            let id = InterfaceID(index: place + InterfaceID.portLimit)
            let absent = InterfaceRecord(absent: key, port: Int(numbers.ports[place]))
            let record = key == 0 ? nil : present[id]?.found(by: key)
            unsafe (records + id.index).initialize(to: record ?? absent)
        }
        smallestMTU = present.values.map(\.mtu).min() ?? .max
    }

    public func destroy() { unsafe records.deallocate() }

    /// What is known of an interface.
    public subscript(interface: InterfaceID) -> InterfaceRecord {
        guard interface.index < count else { return InterfaceRecord(absent: 0, port: 0) }
        return unsafe records[interface.index]
    }

    /// The interface that takes frames with these tags from `port`: the port itself when there are
    /// none; nil when there is no such interface.
    public func interface(port: Int, _ tags: VLANTags) -> InterfaceID? {
        guard !tags.isEmpty else { return InterfaceID(port: port) }
        let found: InterfaceID
        if tags.tunnel != 0 {
            found = InterfaceID(rawValue: tags.tunnel)
            guard self[found].isTunnel else { return nil }
        } else {
            guard count > InterfaceID.portLimit else { return nil }
            let places = unsafe records + InterfaceID.portLimit
            let place = InterfaceNumbers.search(InterfaceNumbers.key(port, tags)) {
                unsafe places[$0].key
            }
            found = InterfaceID(index: place + InterfaceID.portLimit)
        }
        return self[found].takesFrames ? found : nil
    }

    /// The port that carries an interface; a port carries itself.
    public func port(of interface: InterfaceID) -> Int {
        interface.isPort ? interface.index : Int(self[interface].port)
    }

    /// What frames of an interface are tagged with.
    public func tags(of interface: InterfaceID) -> VLANTags {
        guard !interface.isPort else { return VLANTags() }
        let record = self[interface]
        guard !record.isTunnel else { return VLANTags(tunnel: interface.rawValue) }
        return VLANTags(
            outer: UInt16(truncatingIfNeeded: record.key >> 12 & 0xFFF),
            inner: UInt16(truncatingIfNeeded: record.key & 0xFFF)
        )
    }

    /// The same as they are sent: with the priority of the interface in each (IEEE 802.1Q section
    /// 9.6: three bits before the drop indicator and the identifier).
    public func tagging(of interface: InterfaceID) -> VLANTags {
        var tags = tags(of: interface)
        guard !tags.isEmpty, tags.tunnel == 0 else { return tags }
        let priority = UInt16(self[interface].priority) << 13
        tags.outer |= priority
        if tags.inner != 0 { tags.inner |= priority }
        return tags
    }

    /// VLANs that take frames, in a fixed order.
    public var vlans: [InterfaceID] {
        (InterfaceID.portLimit..<count).map { InterfaceID(index: $0) }
            .filter { self[$0].takesFrames && !self[$0].isTunnel }
    }
}
