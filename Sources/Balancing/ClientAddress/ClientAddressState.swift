// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// What is to be done with a packet so that its backend learns the client's address.
public enum ClientAddressAction: Equatable, Sendable, BitwiseCopyable {
    /// Nothing but what `ClientAddressState.shift` says.
    case shift
    /// A SYN goes on without its data.
    case refuseData
    case insertOption
    case insertUDPAddress(UDPAddressForm)
    /// A header in front of the data, in place of its first `removing` octets. `believed` is what
    /// the client's own header says; nil: who it really is.
    case insertHeader(removing: Int, believed: ProxyHeader.Content?)
    /// The first octets belong to the client's header and go no further.
    case strip(Int)
    /// The client has to repeat it.
    case drop
}

/// How far one connection has come with telling its backend the client's address.
///
/// Of a TCP connection with the PROXY protocol, as the backend sees it:
///
///     waiting --handshake ACK or first data--> header sent --ACK beyond it--> header there
///
/// The header goes in front of every segment that starts with the client's first octet, the
/// acknowledgment that ends the handshake included, until the backend has acknowledged the header.
/// That is what makes every loss heal itself, also when the server speaks first: a backend that
/// missed the handshake's ACK repeats its SYN-ACK, and the client's answer takes the header along;
/// data that came without the header stays unacknowledged, and the client repeats it from the first
/// octet on.
///
/// A client that sends a header of its own is either believed (then nothing is sent before its
/// first data) or its header, `removedLength` octets, is taken out of the stream.
///
/// The state starts with the SYN; a connection that is opened anew gets a new one.
public struct ClientAddressState: Equatable, Sendable, BitwiseCopyable {
    private struct Flags: OptionSet, BitwiseCopyable {
        let rawValue: UInt8

        /// The client's, or the backend's, first sequence number is known.
        static let knowsClient = Flags(rawValue: 1)
        static let knowsBackend = Flags(rawValue: 2)
        /// What the client's data starts with is known.
        static let decided = Flags(rawValue: 4)
        static let headerSent = Flags(rawValue: 8)
        /// Nothing is left to tell.
        static let done = Flags(rawValue: 16)
    }

    /// What the client's numbers gain by a new initial one.
    private let initialShift: UInt32
    /// The numbers of the first octets: of the client, and of the backend.
    private var clientFirst: UInt32 = 0
    private var serverFirst: UInt32 = 0
    /// Octets of the client's own header that do not reach the backend.
    private var removedLength: UInt16 = 0
    /// Octets of the header that the backend gets.
    private var headerLength: UInt8
    /// UDP packets that have yet to carry the address.
    private var repeats: UInt8
    public let mode: BackendAddressMode
    private var flags: Flags = []

    /// The state of a new connection.
    ///
    /// `header` is the PROXY header for its client, and only counts in such a mode; `repeats` is
    /// how many UDP packets carry an address (`uoa_max_trail`); `initialShift` is what the sequence
    /// number of the SYN gains.
    public init(
        _ mode: BackendAddressMode,
        header: ProxyHeader? = nil,
        repeats: UInt8 = 3,
        initialShift: UInt32 = 0
    ) {
        self.mode = mode
        self.repeats = repeats
        self.initialShift = initialShift
        headerLength = UInt8(truncatingIfNeeded: header?.length ?? 0)
    }

    /// What sequence numbers gain and lose now.
    public var shift: SequenceShift {
        guard flags.contains(.headerSent) else { return SequenceShift(delta: initialShift) }
        let growth = UInt32(headerLength) &- UInt32(removedLength)
        var shift = SequenceShift(delta: initialShift &+ growth)
        guard !flags.contains(.done) else { return shift }
        shift.clientFirst = clientFirst
        shift.backendFirst = headerSequence
        shift.pendingLength = UInt32(headerLength)
        return shift
    }

    /// Where the header starts.
    var headerSequence: UInt32 { clientFirst &+ initialShift }

    /// A number that the backend has to acknowledge without taking anything: the one before the
    /// next it expects, as in a keep-alive (RFC 9293 section 3.8.4).
    var probeSequence: UInt32 { headerSequence &+ UInt32(headerLength) &- 1 }

    // MARK: - TCP

    /// A segment of the client; `presence` is what its data starts with.
    public mutating func received(
        _ segment: TCPSegment,
        startingWith presence: ProxyPresence
    ) -> ClientAddressAction {
        if segment.flags.contains(.syn) {
            if !flags.contains(.knowsClient) {
                clientFirst = segment.sequence &+ 1
                flags.insert(.knowsClient)
            }
            return mode.proxyVersion != nil && segment.dataLength > 0 ? .refuseData : .shift
        }
        guard flags.contains(.knowsClient), !segment.flags.contains(.rst) else { return .shift }
        if mode == .tcpOption { return receivedForOption(segment) }
        guard mode.proxyVersion != nil else { return .shift }
        return receivedForHeader(segment, presence)
    }

    /// The option is due until the backend is known to have accepted the connection, and with it
    /// the address: it says so itself (`accepts`), or the client acknowledges data of it.
    private mutating func receivedForOption(_ segment: TCPSegment) -> ClientAddressAction {
        guard !flags.contains(.done), flags.contains(.knowsBackend), segment.flags.contains(.ack)
        else { return .shift }
        let answered = segment.acknowledgment &- serverFirst
        guard answered > 0 else { return .insertOption }
        if answered < 1 << 31 { flags.insert(.done) }
        return .shift
    }

    /// Whether a segment of the backend shows that it took the client's first segments after the
    /// SYN: it has data, or acknowledges some.
    ///
    /// A bare acknowledgment of the SYN is no sign: whoever gets an old duplicate answers so before
    /// the handshake has ended (RFC 9293 section 3.10.7.4).
    private func accepts(_ segment: TCPSegment) -> Bool {
        guard flags.contains(.knowsBackend), segment.flags.isDisjoint(with: [.syn, .rst]) else {
            return false
        }
        let acknowledged = segment.acknowledgment &- headerSequence
        return segment.dataLength > 0 || segment.flags.contains(.fin)
            || segment.flags.contains(.ack) && acknowledged > 0 && acknowledged < 1 << 31
    }

    private mutating func receivedForHeader(
        _ segment: TCPSegment,
        _ presence: ProxyPresence
    ) -> ClientAddressAction {
        let position = segment.sequence &- clientFirst
        // Before the first octet: a keep-alive, or older than the connection.
        guard position < 1 << 31 else { return .shift }
        if !flags.contains(.decided), segment.dataLength > 0 {
            // What later data is called depends on what the first starts with.
            guard position == 0 else { return .drop }
            decide(presence)
        }
        let own = Int(removedLength)
        if position == 0, headerLength > 0, !flags.contains(.done) {
            guard !mode.believesClient || flags.contains(.decided) else { return .shift }
            let believed = believedContent(presence)
            // A repetition that is shorter than the client's header does not tell what that said.
            guard own == 0 || !mode.believesClient || believed != nil else { return .drop }
            flags.insert(.headerSent)
            return .insertHeader(removing: min(own, segment.dataLength), believed: believed)
        }
        guard Int(position) < own, segment.dataLength > 0 else { return .shift }
        return .strip(min(own &- Int(position), segment.dataLength))
    }

    private mutating func decide(_ presence: ProxyPresence) {
        flags.insert(.decided)
        guard case .present(let length, let header) = presence,
            let removed = UInt16(exactly: length), let version = mode.proxyVersion
        else { return }
        if !mode.believesClient {
            removedLength = removed
        } else if header.version == version {
            headerLength = 0
        } else {
            removedLength = removed
            let converted = ProxyHeader(version, header.contentOfStream)
            headerLength = UInt8(truncatingIfNeeded: converted.length)
        }
    }

    private func believedContent(_ presence: ProxyPresence) -> ProxyHeader.Content? {
        guard mode.believesClient, case .present(_, let header) = presence else { return nil }
        return header.contentOfStream
    }

    /// A segment of the backend; what the client gets is up to `shift` afterwards.
    public mutating func answered(_ segment: TCPSegment) {
        if segment.flags.isSuperset(of: [.syn, .ack]) {
            serverFirst = segment.sequence &+ 1
            flags.insert(.knowsBackend)
            // Which of several SYN counts, the backend decides: a client that was restarted may
            // have sent one that never arrived.
            if !flags.contains(.headerSent) {
                clientFirst = segment.acknowledgment &- initialShift
                flags.insert(.knowsClient)
            }
            return
        }
        if mode == .tcpOption, accepts(segment) { flags.insert(.done) }
        guard flags.contains(.headerSent), !flags.contains(.done), segment.flags.contains(.ack)
        else { return }
        let position = segment.acknowledgment &- headerSequence
        if position >= UInt32(headerLength), position < 1 << 31 { flags.insert(.done) }
    }

    // MARK: - When it is over

    /// Whether the next packets need more than new addresses.
    ///
    /// When PROXY has changed the numbers of a TCP connection, it stays so to the end.
    public func isPending(isTCP: Bool) -> Bool {
        switch mode {
        case .none: false
        case .tcpOption: !flags.contains(.done)
        case .udpHeader, .udpOption: repeats > 0
        default: !isTCP || !(hasDelivered && shift.isIdentity)
        }
    }

    /// Whether a segment needs no more than the shift: the backend has the whole header, or the
    /// client's own serves.
    public var onlyShifts: Bool {
        mode.proxyVersion != nil && removedLength == 0 && hasDelivered
    }

    /// What the client's data starts with matters to the end of its first segment, also when the
    /// header was acknowledged before.
    private var hasDelivered: Bool {
        flags.contains(.decided) && (flags.contains(.done) || headerLength == 0)
    }

    /// Whether what a segment starts with decides anything.
    func looksAtData(of segment: TCPSegment) -> Bool {
        guard mode.proxyVersion != nil, segment.dataLength > 0 else { return false }
        return !flags.contains(.decided)
            || segment.sequence == clientFirst && !flags.contains(.done)
    }

    /// Octets that packets of `client` gain on their way to the backend, as far as is known now and for
    /// as long as they do: what its sender has to leave free on a path.
    ///
    /// Of a TCP connection with PROXY it is the header in front of the first octets, until the backend
    /// has it.
    public func growth(of client: IPAddress, isTCP: Bool, backendIsIPv6: Bool) -> Int {
        switch mode {
        case .none: return 0
        case .tcpOption: return flags.contains(.done) ? 0 : AddressOption.length(for: client)
        case .udpHeader, .udpOption:
            guard repeats > 0 else { return 0 }
            let option = UDPAddress.optionLength(for: client)
            let isOption = mode == .udpOption && !backendIsIPv6 && client.ipv4 != nil
            return isOption ? option : UDPAddress.headerPrefix &+ option
        case .proxyV1, .proxyV2, .proxyV1Insecure, .proxyV2Insecure:
            return isTCP && (hasDelivered || flags.contains(.done)) ? 0 : Int(headerLength)
        }
    }

    // MARK: - UDP

    /// A datagram of the client; `presence` is what it starts with.
    ///
    /// A PROXY header goes in front of every datagram: each stands for itself, any of them may be
    /// lost, and a server without memory of its clients needs it in each.
    public mutating func receivedDatagram(
        startingWith presence: ProxyPresence
    ) -> ClientAddressAction {
        if let form = mode.udpForm {
            guard repeats > 0 else { return .shift }
            repeats &-= 1
            return .insertUDPAddress(form)
        }
        guard mode.proxyVersion == .v2 else { return .shift }
        guard case .present(let length, _) = presence else {
            return .insertHeader(removing: 0, believed: nil)
        }
        return mode.believesClient ? .shift : .insertHeader(removing: length, believed: nil)
    }
}

extension ProxyHeader {
    /// What a header says of a TCP connection: one about UDP says nothing.
    fileprivate var contentOfStream: Content { isUDP ? .unknown : content }
}
