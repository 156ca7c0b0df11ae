// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketTesting
import Testing

@testable import Balancing

@Suite struct QUICBackendIDTests {
    private static let ipv4 = IPv4Address(192, 168, 111, 222)
    private static let ipv6 = IPv6Address(high: 0x2001_0DB8_0000_0000, low: 0x1122_3344_5566_7788)

    private func read(_ octets: [UInt8]) -> QUICBackendID? {
        QUICConnectionID(octets).flatMap { QUICBackendID($0) }
    }

    /// The example of DPVS' documentation.
    @Test func `an id names the end of an address and a port`() throws {
        let octets: [UInt8] = [0xAA, 0x36, 0xFD, 0xE1, 0xF5, 0xD1, 0x23, 0x45, 0x67, 0x89]
        let id = try #require(read(octets))
        #expect(id.address == 0x6FDE && id.addressLength == 2 && id.port == 8029)
        #expect(id.matches(Self.ipv4, port: 8029))
        #expect(id.matches(IPv4Address(10, 9, 111, 222), port: 8029))
        #expect(!id.matches(Self.ipv4, port: 8030))
        #expect(!id.matches(IPv4Address(192, 168, 111, 223), port: 8029))
    }

    @Test func `without a port every port is meant`() throws {
        let id = try #require(read([0, 0x0D, 0xE1, 2, 3, 4, 5]))
        #expect(id.address == 0xDE && id.port == nil)
        #expect(id.matches(Self.ipv4, port: 1) && id.matches(Self.ipv4, port: 2))
    }

    @Test func `an address longer than IPv4 names nobody there`() throws {
        let octets: [UInt8] = [0, 0x80, 0x0C, 0x0A, 0x86, 0xFD, 0xE1, 2, 3, 4, 5, 6]
        let id = try #require(read(octets))
        #expect(id.addressLength == 5)
        #expect(!id.matches(Self.ipv4, port: 1))
    }

    @Test func `an id too short for what it says is not read`() {
        #expect(read([0, 0x00, 0xE1, 2, 3, 4]) == nil)
        #expect(read([0, 0x00, 0xE1, 2, 3, 4, 5]) != nil)
        // Seven octets of address and a port take 20 octets less 8 bits.
        #expect(read([0, 0xF0] + Array(repeating: 1, count: 13)) == nil)
        #expect(read([]) == nil && read([0]) == nil)
    }

    @Test(arguments: 1...8)
    func `what a server makes is read back`(length: Int) throws {
        var random = SeededGenerator(seed: UInt64(length))
        for port in [nil, 8029] as [UInt16?] {
            let made = QUICBackendID(.v6(Self.ipv6), addressLength: length, port: port)
            let id = try #require(made)
            let connection = try #require(id.connectionID(count: 17, using: &random))
            #expect(connection.count == 17)
            #expect(QUICBackendID(connection) == id)
            #expect(id.matches(Self.ipv6, port: 8029))
            let other = id.connectionID(count: 17, using: &random)
            #expect(other != connection)
        }
    }

    @Test func `a server leaves 32 bits to chance`() throws {
        var random = SeededGenerator(seed: 1)
        let id = try #require(QUICBackendID(.v4(Self.ipv4), addressLength: 2, port: 8029))
        // 8 + 4 + 16 + 16 + 32 bits are nine and a half octets.
        #expect(id.connectionID(count: 9, using: &random) == nil)
        #expect(id.connectionID(count: 10, using: &random) != nil)
        #expect(id.connectionID(count: 21, using: &random) == nil)
    }

    @Test func `an address has only so many octets`() {
        #expect(QUICBackendID(.v4(Self.ipv4), addressLength: 5, port: nil) == nil)
        #expect(QUICBackendID(.v4(Self.ipv4), addressLength: 0, port: nil) == nil)
        #expect(QUICBackendID(.v6(Self.ipv6), addressLength: 9, port: nil) == nil)
    }
}
