// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@Suite struct ToeplitzTests {
    /// Microsoft, "Verifying the RSS Hash Calculation".
    @Test(arguments: [
        ("66.9.149.187:2794", "161.142.100.80:1766", 0x323E_8FC2 as UInt32, 0x51CC_C178 as UInt32),
        ("199.92.111.2:14230", "65.69.140.83:4739", 0xD718_262A, 0xC626_B0EA),
        ("24.19.198.95:12898", "12.22.207.184:38024", 0xD2D0_A5DE, 0x5C2B_394A),
        ("38.27.205.30:48228", "209.142.163.6:2217", 0x8298_9176, 0xAFC7_327F),
        ("153.39.163.191:44251", "202.188.127.2:1303", 0x5D18_09C5, 0x10E8_28A2),
    ])
    func `the published examples come out`(
        source: String,
        destination: String,
        addresses: UInt32,
        tuple: UInt32
    ) throws {
        let toeplitz = try #require(Toeplitz(key: ReceiveSideScaling.key))
        let (from, to) = (try octets(source), try octets(destination))
        let input = from.address + to.address
        #expect(toeplitz.hash(input, at: 0) == addresses)
        #expect(toeplitz.hash(input + from.port + to.port, at: 0) == tuple)
        let parts =
            toeplitz.hash(from.address, at: Toeplitz.Places.ipv4.source)
            ^ toeplitz.hash(to.address, at: Toeplitz.Places.ipv4.destination)
            ^ toeplitz.hash(from.port, at: Toeplitz.Places.ipv4.sourcePort)
            ^ toeplitz.hash(to.port, at: Toeplitz.Places.ipv4.destinationPort)
        #expect(parts == tuple, "the parts of a tuple add up")
        let card = ReceiveSideScaling(table: [0])
        #expect(card.hash(input + from.port + to.port) == tuple, "the card of the tests agrees")
    }

    @Test func `a key too short for a tuple makes no hash`() {
        #expect(Toeplitz(key: Array(repeating: 1, count: 15)) == nil)
        #expect(Toeplitz(key: Array(repeating: 1, count: 16)) != nil)
    }

    private func octets(_ text: String) throws -> (address: [UInt8], port: [UInt8]) {
        let endpoint = try #require(Endpoint(text))
        let address = try #require(endpoint.address.ipv4).rawValue
        return (
            (0..<4).map { UInt8(truncatingIfNeeded: address >> (24 - 8 * $0)) },
            [UInt8(endpoint.port >> 8), UInt8(truncatingIfNeeded: endpoint.port)]
        )
    }
}
