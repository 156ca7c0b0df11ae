// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import Testing

@Suite struct ServiceFilterTests {
    private let service = Service(
        key: Service.Key(address: .v4(IPv4Address(10, 0, 0, 100)), port: 80, protocol: .tcp),
        name: "web-front",
        backends: []
    )

    @Test(arguments: [
        ([], true), (["web-front"], true), (["web-*"], true), (["*"], true), (["*front"], true),
        (["w*b*t"], true), (["web-fron?"], true), (["web-front*"], true), (["**"], true),
        (["tcp 10.0.0.100:80"], true), (["* 10.0.0.100:*"], true), (["mail", "web-*"], true),
        (["web"], false), (["front"], false), (["web-front?"], false), (["w*b*x"], false),
        (["udp *"], false), ([""], false), (["WEB-*"], false),
    ])
    func `a service fits by its name or its key`(patterns: [String], fits: Bool) {
        #expect(ServiceFilter(patterns).contains(service) == fits)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a pattern of many stars is no work`() {
        var long = service
        long.name = String(repeating: "a", count: 10_000)
        let pattern = String(repeating: "*a", count: 1000) + "b"
        #expect(!ServiceFilter([pattern]).contains(long))
    }
}
