// SPDX-License-Identifier: Apache-2.0

/// Which segments of TCP are believed: those with numbers that strangers do not know.
///
/// Strangers can make up addresses and ports, but not sequence numbers (RFC 5961 section 1.1). So
/// each connection remembers two of them, and only segments that fit move its state or the two
/// numbers. Every segment is passed on all the same: its receiver judges by the very number.
///
/// Where replies pass here, both numbers are the backend's words: what it sends next, and what it
/// expects next. Under `dr` and `tunnel` both are the client's.
extension Connection {
    /// How far from its predecessor a segment may be: what its receiver takes without an answer.
    ///
    /// Powers of two, since every segment asks: windows of 4 MiB, and acknowledgments that were lost
    /// for 16 MiB.
    private static var sequenceBits: UInt32 { 22 }
    private static var acknowledgmentBits: UInt32 { 24 }

    /// Takes the numbers of a backend's segment over when they go on from those before.
    @inline(__always)
    mutating func follow<Tuple: FlowTuple>(backend segment: TransportPacket<Tuple>) {
        let (sequence, acknowledgment) = (segment.sequence, segment.acknowledgment)
        guard
            Self.goesOn(
                sequence &- nextFromBackend,
                acknowledgment &- nextFromClient
            )
        else {
            if state == .synAck { followAnotherAnswer(segment) }
            return
        }
        nextFromBackend = segment.nextSequence
        nextFromClient = acknowledgment
    }

    /// The same for a client's segment where only those pass here.
    @inline(__always)
    mutating func follow<Tuple: FlowTuple>(client segment: TransportPacket<Tuple>) {
        let (sequence, acknowledgment) = (segment.sequence, segment.acknowledgment)
        guard
            Self.goesOn(
                sequence &- nextFromClient,
                acknowledgment &- nextFromBackend
            )
        else { return }
        nextFromClient = segment.nextSequence
        nextFromBackend = acknowledgment
    }

    /// Begins with a segment of a connection that another instance had.
    mutating func takeUp<Tuple: FlowTuple>(_ segment: TransportPacket<Tuple>) {
        nextFromClient = segment.sequence
        nextFromBackend = segment.acknowledgment
    }

    @inline(__always)
    private static func goesOn(_ sequence: UInt32, _ acknowledgment: UInt32) -> Bool {
        (sequence &+ 1 &<< sequenceBits) &>> (sequenceBits &+ 1)
            | (acknowledgment &+ 1 &<< acknowledgmentBits) &>> (acknowledgmentBits &+ 1) == 0
    }

    /// A backend that answers by cookies may send its SYN again with another number (RFC 4987
    /// section 3.6).
    @inline(never)
    private mutating func followAnotherAnswer<Tuple: FlowTuple>(
        _ segment: TransportPacket<Tuple>
    ) {
        guard TCPEvent(flags: segment.tcpFlags) == .syn, acknowledgesOpening(segment) else {
            return
        }
        nextFromBackend = segment.nextSequence
    }

    // MARK: - What moves the state

    /// The most data that a SYN brings along (RFC 7413).
    private static var openingData: UInt32 { 1460 }
    /// The largest window without scaling (RFC 9293 section 3.1).
    private static var window: UInt32 { 65535 }
    /// What may be under way on a connection with scaled windows.
    private static var scaledWindow: UInt32 { 1 << 22 }

    /// Remembers what an answer to a SYN has to acknowledge.
    mutating func expectAnswer<Tuple: FlowTuple>(to segment: TransportPacket<Tuple>) {
        nextFromClient = segment.sequence &+ 1
    }

    /// Whether a segment that would move the state is from one of the ends.
    ///
    /// Within a window without scaling its own number does. Further away, as a FIN or a reset behind
    /// much unacknowledged data is, what it acknowledges has to fit as well. That a reset is not
    /// believed costs nothing but the time until the connection ends by silence.
    func believes<Tuple: FlowTuple>(
        _ segment: TransportPacket<Tuple>,
        _ view: TCPTransitions.View
    ) -> Bool {
        if segment.opens { return true }
        guard state != .synReceived else { return believesDuringOpening(segment, view) }
        let isBackends = view == .fromBackend
        let (own, other) =
            isBackends ? (nextFromBackend, nextFromClient) : (nextFromClient, nextFromBackend)
        let isNear = Self.isWithin(Self.window, segment.sequence &- own)
        let fits =
            segment.tcpFlags & TCPEvent.acknowledgmentFlag != 0
            && Self.isWithin(Self.window, segment.acknowledgment &- other)
        // Whoever made the SYN up knows its number, but not what the backend has answered.
        if state == .synAck, segment.tcpFlags & TCPEvent.resetFlag == 0 { return isNear && fits }
        return isNear || fits && Self.isWithin(Self.scaledWindow, segment.sequence &- own)
    }

    /// The same before the backend has answered.
    ///
    /// "If the RST bit is set: if the ACK was acceptable, signal to the user 'error: connection
    /// reset'" (RFC 9293 section 3.10.7.3): a refusal acknowledges the SYN, with or without its data,
    /// as every other answer does. A client that goes on or gives up does so from its SYN.
    private func believesDuringOpening<Tuple: FlowTuple>(
        _ segment: TransportPacket<Tuple>,
        _ view: TCPTransitions.View
    ) -> Bool {
        view == .fromBackend
            ? acknowledgesOpening(segment)
            : Self.isWithin(Self.openingData, segment.sequence &- nextFromClient)
    }

    private func acknowledgesOpening<Tuple: FlowTuple>(
        _ segment: TransportPacket<Tuple>
    ) -> Bool {
        segment.tcpFlags & TCPEvent.acknowledgmentFlag != 0
            && segment.acknowledgment &- nextFromClient <= Self.openingData
    }

    /// Takes the first number of the backend from a segment that was believed.
    mutating func beginNumbers<Tuple: FlowTuple>(
        with segment: TransportPacket<Tuple>,
        _ view: TCPTransitions.View
    ) {
        switch view {
        case .fromBackend: nextFromBackend = segment.sequence
        case .clientOnly: nextFromBackend = segment.acknowledgment
        case .fromClient: break
        }
    }

    private static func isWithin(_ reach: UInt32, _ distance: UInt32) -> Bool {
        distance &+ reach <= 2 &* reach
    }
}
