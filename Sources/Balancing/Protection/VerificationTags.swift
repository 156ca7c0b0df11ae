// SPDX-License-Identifier: Apache-2.0

/// Which packets of SCTP are believed: those with the tag that strangers do not know.
///
/// Each end chooses a tag with its INIT or INIT ACK, and packets to it carry that tag (RFC 9260
/// section 8.5). Others move nothing here and are passed on; their receiver discards them. The two
/// tags are where connections of TCP have their numbers: `nextFromClient` is the client's own tag and
/// `nextFromBackend` the backend's.
///
/// An association that is restarted within a living one gets new tags, which are not taken over,
/// since whoever makes INITs up would have a say in them; it ends by silence then.
extension Connection {
    /// Whether a packet is from one of the ends; of one that begins an association the tag is kept.
    mutating func believes(
        _ packet: SCTPPacket,
        _ direction: Direction,
        movesState: Bool
    ) -> Bool {
        let isInbound = direction == .inbound
        let event = packet.event
        if event == .initiation {
            begin(with: packet, isInbound, isNew: movesState)
            return true
        }
        var expected = isInbound ? nextFromBackend : nextFromClient
        if packet.reflectsTag { expected = isInbound ? nextFromClient : nextFromBackend }
        if expected == 0, isInbound, !shape.kind.isTwoWay || event == .abort {
            // Where answers go past us the client tells the backend's tag, and a client that gives up
            // before any answer has none to show.
            nextFromBackend = packet.verificationTag
            return true
        }
        guard packet.verificationTag == expected else { return false }
        if event == .initiationAck, let tag = packet.initiateTag {
            if isInbound { nextFromClient = tag } else { nextFromBackend = tag }
        }
        return true
    }

    /// An INIT begins an association, or is sent again while nobody has answered the one before.
    private mutating func begin(with packet: SCTPPacket, _ isInbound: Bool, isNew: Bool) {
        guard let tag = packet.initiateTag, isNew || state == .sctpInit && isInbound else { return }
        if isInbound {
            (nextFromClient, nextFromBackend) = (tag, 0)
        } else {
            (nextFromBackend, nextFromClient) = (tag, 0)
        }
    }
}
