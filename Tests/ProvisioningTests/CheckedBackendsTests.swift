// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import Testing

@testable import Provisioning

@Suite struct CheckedBackendsTests {
    private var checked = CheckedBackends()
    private var service: Service

    init() throws {
        let address = try #require(IPAddress("10.0.0.100"))
        service = Service(key: .init(address: address, port: 80, protocol: .tcp), name: "web")
        service.protection.healthCheck = HealthCheck(.tcp(.init()))
        service.backends = try (2...4).map { Backend(endpoint: try Self.endpoint($0)) }
    }

    private static func endpoint(_ last: Int) throws -> Endpoint {
        try #require(Endpoint("10.0.1.\(last):80"))
    }

    /// Backends that are out by their last octets, after these verdicts.
    private mutating func out(_ verdicts: [Int: Bool?] = [:]) throws -> [Int] {
        for (last, isHealthy) in verdicts {
            let endpoint = try Self.endpoint(last)
            checked.take(
                CheckVerdict(service: service.key, endpoint: endpoint, isHealthy: isHealthy)
            )
        }
        return checked.judge(service)
            .compactMap { $0.address.ipv4.map { Int($0.rawValue & 0xFF) } }
            .sorted()
    }

    @Test mutating func `backends that fail are out, and back when they pass`() throws {
        #expect(try out() == [])
        #expect(try out([2: false, 3: true]) == [2])
        #expect(try out([2: true]) == [])
        #expect(checked.takeNotices() == [])
    }

    @Test mutating func `when all fail all serve, and it is said once`() throws {
        #expect(try out([2: false, 3: false]) == [2, 3])
        #expect(try out([4: false]) == [])
        #expect(try out() == [])
        #expect(
            checked.takeNotices() == ["service web: every backend fails its check, so all serve"]
        )
        #expect(try out([3: true]) == [2, 4])
        #expect(
            checked.takeNotices()
                == ["service web: only backends that pass their check serve"]
        )
    }

    @Test mutating func `without panic all are out`() throws {
        service.protection.healthPanic = .serveNone
        #expect(try out([2: false, 3: false, 4: false]) == [2, 3, 4])
    }

    @Test mutating func `backends of weight 0 and those that nobody asks decide who is left`()
        throws
    {
        service.backends[2].weight = 0
        #expect(try out([2: false, 3: false]) == [])
        service.backends[2] = Backend(endpoint: try Self.endpoint(4), healthCheck: .off)
        #expect(try out() == [2, 3])
    }

    @Test mutating func `a backend that begins down waits for its first good answer`() throws {
        service.protection.healthCheck?.beginsDown = true
        #expect(try out() == [2, 3, 4], "nobody fails yet, so nobody panics")
        #expect(try out([3: true]) == [2, 4])
        #expect(try out([2: false, 3: false]) == [2, 3, 4])
        #expect(try out([4: false]) == [])
    }

    @Test mutating func `what is forgotten counts no more`() throws {
        #expect(try out([2: false]) == [2])
        #expect(try out([2: nil]) == [])
    }

    @Test mutating func `a service without checks has nobody out`() throws {
        #expect(try out([2: false]) == [2])
        service.protection.healthCheck = nil
        #expect(try out() == [])
    }
}
