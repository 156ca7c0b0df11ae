// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@Suite struct EndpointTests {
    @Test(arguments: [
        ("10.0.0.1:80", "10.0.0.1:80"),
        ("10.0.0.1:0", "10.0.0.1:0"),
        ("[2001:db8::1]:65535", "[2001:db8::1]:65535"),
        ("[2001:DB8:0::1]:443", "[2001:db8::1]:443"),
        ("[::]:1", "[::]:1"),
        ("[::ffff:10.0.0.1]:53", "[::ffff:10.0.0.1]:53"),
    ])
    func `an address and a port are read and printed`(written: String, printed: String) throws {
        let endpoint = try #require(Endpoint(written))
        #expect(endpoint.description == printed)
        #expect(Endpoint(printed) == endpoint)
    }

    @Test(arguments: [
        "", ":", ":80", "10.0.0.1", "10.0.0.1:", "10.0.0.1:-1", "10.0.0.1:+80", "10.0.0.1:080",
        "10.0.0.1:00", "10.0.0.1:65536", "10.0.0.1:99999999999999999999", "10.0.0.1:http",
        "10.0.0.1: 80", "10.0.0.1 :80", "10.0.0.1:80 ", "10.0.0.01:80", "[10.0.0.1]:80",
        "2001:db8::1", "2001:db8::1:80", "::1:80", "[::1]", "[::1]:", "[::1]80", "[::1:80",
        "::1]:80", "[]:80", "[[::1]]:80", "[fe80::1%eth0]:80", "localhost:80",
    ])
    func `anything else is refused`(text: String) {
        #expect(Endpoint(text) == nil)
    }

    @Test func `an address of either family is read as what it is`() throws {
        let four = try #require(IPAddress("10.0.0.1"))
        #expect(four.family == .ipv4 && four.ipv4 == IPv4Address(10, 0, 0, 1) && four.ipv6 == nil)
        let six = try #require(IPAddress("::1"))
        #expect(six.family == .ipv6 && six.ipv6 == .loopback && six.ipv4 == nil)
        #expect(IPAddress("localhost") == nil && IPAddress("") == nil)
    }

    @Test func `IPv4 comes before IPv6`() throws {
        let texts = ["0.0.0.1", "255.255.255.255", "::", "::1", "ffff::"]
        let addresses = try texts.map { try #require(IPAddress($0)) }
        #expect(addresses.reversed().sorted() == addresses)
    }

    @Test(arguments: [
        (IPProtocol.icmp, "icmp"), (.tcp, "tcp"), (.udp, "udp"), (.icmpv6, "icmpv6"),
        (.sctp, "sctp"), (.gre, "47"), (IPProtocol(rawValue: 255), "255"),
    ])
    func `a protocol has a word or its number`(number: IPProtocol, word: String) {
        #expect(number.description == word)
    }
}
