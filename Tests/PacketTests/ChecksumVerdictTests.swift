// SPDX-License-Identifier: Apache-2.0
import CPacket
import Packet
import PacketTesting
import Testing

@Suite struct ChecksumVerdictTests {
    @Test(
        arguments: [
            (0, ChecksumVerdict.unknown), (ReceiveFlag.badTransport, .bad),
            (ReceiveFlag.goodTransport, .good), (ReceiveFlag.unfinishedTransport, .unfinished),
            (ReceiveFlag.unfinishedHeader | ReceiveFlag.vlanStripped, .unknown),
        ] as [(UInt64, ChecksumVerdict)]
    )
    func `the verdict on a transport checksum is in two flags`(
        flags: UInt64,
        verdict: ChecksumVerdict
    ) {
        #expect(ChecksumVerdict.ofTransport(flags) == verdict)
        let needsCare = flags & ChecksumVerdict.transportNeedsCare != 0
        #expect(needsCare == (verdict == .bad || verdict == .unfinished))
    }

    @Test(
        arguments: [
            (0, ChecksumVerdict.unknown), (ReceiveFlag.badHeader, .bad),
            (ReceiveFlag.goodHeader, .good), (ReceiveFlag.unfinishedHeader, .unfinished),
            (ReceiveFlag.unfinishedTransport, .unknown),
        ] as [(UInt64, ChecksumVerdict)]
    )
    func `the verdict on a header checksum is in two others`(
        flags: UInt64,
        verdict: ChecksumVerdict
    ) {
        #expect(ChecksumVerdict.ofHeader(flags) == verdict)
    }

    @Test func `a verdict that was dealt with is forgotten, and nothing else`() {
        let all =
            ReceiveFlag.unfinishedHeader | ReceiveFlag.unfinishedTransport
            | ReceiveFlag.vlanStripped
        let buffer = LooseBuffer([1, 2, 3], flags: all)
        let packet = unsafe Packet(owning: buffer.buffer)
        packet.forgetTransportVerdict()
        #expect(packet.transportVerdict == .unknown && packet.headerVerdict == .unfinished)
        packet.forgetHeaderVerdict()
        #expect(unsafe packet.buffer.pointee.ol_flags == ReceiveFlag.vlanStripped)
        _ = unsafe packet.release()
    }
}
