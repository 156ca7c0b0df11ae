// SPDX-License-Identifier: Apache-2.0
import Addressing
import Foundation
import Testing

@Suite struct CodableTests {
    /// One of each type.
    private struct Everything: Codable, Equatable {
        var v4 = IPv4Address(10, 0, 0, 1)
        var v6 = IPv6Address.loopback
        var either = [IPAddress.v4(.any), .v6(.any)]
        var prefix = IPPrefix.any(.ipv6)
        var endpoint = Endpoint(.v6(.loopback), 443)
        var mac = MACAddress(rawValue: 0x0200_0000_0001)
        var family = AddressFamily.ipv6
    }

    @Test func `addresses are coded as text`() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(Everything()), as: UTF8.self)
        #expect(
            text == #"""
                {"either":["0.0.0.0","::"],"endpoint":"[::1]:443","family":"ipv6",\#
                "mac":"02:00:00:00:00:01","prefix":"::/0","v4":"10.0.0.1","v6":"::1"}
                """#
        )
        let back = try JSONDecoder().decode(Everything.self, from: Data(text.utf8))
        #expect(back == Everything())
    }

    @Test func `a text that is no address says so`() throws {
        let error = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([IPAddress].self, from: Data(#"["10.0.0.1","nowhere"]"#.utf8))
        }
        guard case .dataCorrupted(let context) = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(context.debugDescription == "'nowhere' is not a valid IPAddress")
        #expect(context.codingPath.map(\.intValue) == [1])
    }

    @Test func `a number is no address`() {
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([IPv4Address].self, from: Data("[167772161]".utf8))
        }
    }
}
