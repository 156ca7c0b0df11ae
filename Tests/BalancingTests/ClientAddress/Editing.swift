// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting

@testable import Balancing

let client4 = endpoint("198.51.100.7:51000")
let client6 = endpoint("[2001:db8::7]:51000")
let service4 = endpoint("203.0.113.1:80")
let service6 = endpoint("[2001:db8::1]:80")

func endpoint(_ text: String) -> Endpoint {
    guard let endpoint = Endpoint(text) else { preconditionFailure(text) }
    return endpoint
}

/// The frame after `edit`, and what that returned.
func edited<Result>(
    _ frame: TransportFrame,
    headroom: Int = 128,
    tailroom: Int = 128,
    _ edit: (inout PacketEditor) -> Result
) throws -> (result: Result, octets: [UInt8], isIntact: Bool) {
    let buffer = RoomyBuffer(frame.octets, headroom: headroom, tailroom: tailroom)
    var editor = try required(view(of: buffer, frame))
    let result = edit(&editor)
    return (result, buffer.octets, buffer.isIntact)
}

func view(of buffer: RoomyBuffer, _ frame: TransportFrame) -> PacketEditor? {
    unsafe PacketEditor(
        buffer.buffer,
        networkOffset: 14,
        transportOffset: frame.transportOffset,
        family: frame.source.address.family,
        protocol: frame.isUDP ? .udp : .tcp
    )
}

/// A packet of either family: the local address asks the backend.
func toBackend(
    isIPv6: Bool = false,
    isUDP: Bool = false,
    _ change: (inout TransportFrame) -> Void = { _ in }
) -> TransportFrame {
    TransportFrame(
        from: isIPv6 ? "[fd00::200]:2000" : "10.0.1.200:2000",
        to: isIPv6 ? "[fd00::2]:8080" : "10.0.1.2:8080",
        isUDP: isUDP,
        change
    )
}

/// A random packet with options and padding that are well formed or not.
func randomPacket(
    isUDP: Bool,
    using random: inout SeededGenerator
) -> TransportFrame {
    toBackend(isIPv6: Bool.random(using: &random), isUDP: isUDP) { frame in
        frame.data = random.octets(.random(in: 0...60, using: &random))
        frame.padding = random.octets(.random(in: 0...6, using: &random))
        frame.sequence = .random(in: 0...(.max), using: &random)
        frame.acknowledgment = .random(in: 0...(.max), using: &random)
        frame.flags =
            [Frame.ack, Frame.push, Frame.syn, Frame.synAck, Frame.finAck, 0x38]
            .randomElement(using: &random) ?? 0
        frame.urgentPointer = .random(in: 0...100, using: &random)
        let words = Int.random(in: 0...10, using: &random)
        frame.tcpOptions =
            Bool.random(using: &random)
            ? random.octets(words * 4) : randomOptions(words * 4, using: &random)
        if !frame.isIPv6, Bool.random(using: &random) {
            frame.ipOptions = randomOptions(.random(in: 0...10, using: &random) * 4, using: &random)
        }
    }
}

/// `count` octets of options whose lengths are right.
func randomOptions(_ count: Int, using random: inout SeededGenerator) -> [UInt8] {
    let known: [(UInt8, Int)] = [
        (1, 1), (2, 4), (3, 3), (4, 2), (5, 10), (5, 18), (8, 10), (254, 8), (254, 4), (31, 8),
        (30, 12), (7, 3),
    ]
    var options: [UInt8] = []
    while options.count < count {
        let (kind, length) = known.randomElement(using: &random) ?? (1, 1)
        guard options.count + length <= count else {
            options.append(1)
            continue
        }
        options += kind == 1 ? [1] : [kind, UInt8(length)] + random.octets(length - 2)
    }
    return options
}
