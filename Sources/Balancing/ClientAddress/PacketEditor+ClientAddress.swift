// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import CPacket

/// A packet that is to be sent before another one, which could not carry the address itself.
public enum AddressCompanion: Equatable, Sendable, BitwiseCopyable {
    case headerSegment(ProxyHeader, sequence: UInt32)
    case addressDatagram(Endpoint, UDPAddressForm)
}

/// What becomes of a packet of a client.
public enum AddressCarriage: Equatable, Sendable, BitwiseCopyable {
    /// It goes on; with the outcome when it was to carry the address.
    case ready(AddressInsertion?)
    /// It goes on after a companion: see `PacketEditor.write(_:into:)`.
    case readyAfter(AddressCompanion)
    /// With the header the datagram would be longer than `mtu` by so many octets; its sender is to
    /// be told.
    case tooBig(by: Int)
    /// Its sender has to repeat it.
    case drop
}

extension PacketEditor {
    /// Gives a packet of a client on its way to the backend the client's address, as `state` says.
    ///
    /// `client` and `service` are the addresses that the client sees; `mtu` is the longest IP
    /// packet toward the backend, which a datagram with a PROXY header may outgrow when its sender has
    /// let it be fragmented (`mayBeCut`). Works before and after the addresses in the packet are
    /// rewritten.
    public mutating func carry(
        _ client: Endpoint,
        to service: Endpoint,
        _ state: inout ClientAddressState,
        mtu: Int,
        mayBeCut: Bool = false
    ) -> AddressCarriage {
        let content = ProxyHeader.Content.proxied(source: client, destination: service)
        if isUDP {
            if state.mode.udpForm != nil { removeForeignAddressOptionsOfIP() }
            let presence = state.mode.proxyVersion == nil ? .absent : proxyPresence
            let action = state.receivedDatagram(startingWith: presence)
            return carryDatagram(client, content, action, mtu, mayBeCut)
        }
        guard let segment else { return .drop }
        if state.onlyShifts, !segment.flags.contains(.syn) {
            shiftTowardBackend(state.shift)
            return .ready(nil)
        }
        let presence = state.looksAtData(of: segment) ? proxyPresence : .absent
        if state.mode == .tcpOption { removeForeignAddressOptions() }
        var outcome: AddressInsertion?
        switch state.received(segment, startingWith: presence) {
        case .drop: return .drop
        case .refuseData: removeData()
        case .insertOption: outcome = insertAddressOption(client, mtu: mtu)
        case .strip(let count):
            strip(count, segment, state)
            return .ready(nil)
        case .insertHeader(let count, let believed):
            guard let version = state.mode.proxyVersion else { return .drop }
            let header = ProxyHeader(version, believed ?? content)
            let result = replaceData(removing: count, inserting: header, mtu: mtu)
            if result.isDone {
                setTCP(state.headerSequence, at: TCPOffset.sequence)
                return .ready(result)
            }
            strip(count, segment, state)
            return .readyAfter(.headerSegment(header, sequence: state.headerSequence))
        case .shift, .insertUDPAddress: break
        }
        shiftTowardBackend(state.shift)
        return .ready(outcome)
    }

    /// Whether routers may fragment the packet: IPv4 without "don't fragment" (RFC 791 section 2.3).
    public var mayBeCut: Bool {
        !isIPv6 && word(networkOffset &+ IPv4Offset.fragment) & 0x4000 == 0
    }

    /// Whether this is a datagram that some header would make longer than `mtu`.
    public func mayOutgrow(_ mtu: Int) -> Bool {
        isUDP && packetLength &+ ProxyHeader.longestOverUDP > mtu
    }

    /// The longest datagram of this sender that fits into `mtu` with the header that it gets; nil
    /// when this one does, or may be cut.
    ///
    /// To be asked while the packet is as it came in, so that its sender can be told.
    public func exceededMTU(
        _ client: Endpoint,
        to service: Endpoint,
        _ state: ClientAddressState,
        mtu: Int
    ) -> Int? {
        guard mayOutgrow(mtu), !mayBeCut, state.mode.proxyVersion != nil else { return nil }
        var copy = state
        let action = copy.receivedDatagram(startingWith: proxyPresence)
        guard case .insertHeader(let count, _) = action else { return nil }
        let content = ProxyHeader.Content.proxied(source: client, destination: service)
        let growth = ProxyHeader(.v2, content, isUDP: true).length &- count
        return packetLength &+ growth > mtu ? mtu &- growth : nil
    }

    private mutating func carryDatagram(
        _ client: Endpoint,
        _ content: ProxyHeader.Content,
        _ action: ClientAddressAction,
        _ mtu: Int,
        _ mayBeCut: Bool
    ) -> AddressCarriage {
        switch action {
        case .insertUDPAddress(let form):
            let outcome = insertUDPAddress(client, form, mtu: mtu)
            return outcome.isDone || outcome == .malformed
                ? .ready(outcome) : .readyAfter(.addressDatagram(client, form))
        case .insertHeader(let count, _):
            let header = ProxyHeader(.v2, content, isUDP: true)
            let limit = mayBeCut ? Int(UInt16.max) : mtu
            switch replaceData(removing: count, inserting: header, mtu: limit) {
            case .exceedsMTU: return .tooBig(by: packetLength &+ header.length &- count &- mtu)
            case .inserted: return .ready(.inserted)
            default: return .drop
            }
        default: return .ready(nil)
        }
    }

    /// Takes `count` octets of the client's own header from the front of the data.
    ///
    /// A segment that is empty then would not be answered, and the client would repeat it for ever:
    /// so it asks the backend for an acknowledgment.
    private mutating func strip(
        _ count: Int,
        _ segment: TCPSegment,
        _ state: ClientAddressState
    ) {
        _ = replaceData(removing: count, inserting: nil, mtu: .max)
        let isEmpty = count > 0 && count == segment.dataLength && !segment.flags.contains(.fin)
        let sequence = state.shift.toBackend(segment.sequence &+ UInt32(truncatingIfNeeded: count))
        setTCP(isEmpty ? state.probeSequence : sequence, at: TCPOffset.sequence)
    }

    /// Gives a segment of the backend on its way to the client the numbers that the client knows,
    /// and makes room for the option in what the client will send.
    public func restore(_ state: inout ClientAddressState, client: IPAddress) {
        guard let segment else { return }
        state.answered(segment)
        if state.mode == .tcpOption, segment.flags.contains(.syn) {
            lowerMSS(by: UInt16(AddressOption.length(for: client)))
        }
        shiftTowardClient(state.shift)
    }

    /// Writes `companion` of this packet into the empty buffer `fresh`; nil when it has no room.
    @unsafe
    public func write(
        _ companion: AddressCompanion,
        into fresh: UnsafeMutablePointer<CPacket_buffer>
    ) -> PacketEditor? {
        switch companion {
        case .headerSegment(let header, let sequence):
            return unsafe writeHeaderSegment(into: fresh, header, sequence: sequence)
        case .addressDatagram(let client, let form):
            return unsafe writeAddressDatagram(into: fresh, client, form)
        }
    }
}
