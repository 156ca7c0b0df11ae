// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import Model
import Testing

@Suite struct StatusSelectionTests {
    /// Ten services of two backends; the third has one that is inhibited, the fifth serves nobody.
    private let services: [ServiceStatus] = (0..<10)
        .map { number in
            let address = IPAddress.v4(IPv4Address(10, 0, 0, UInt8(number)))
            let backends = (1...2).map { Backend(endpoint: Endpoint(address, UInt16($0))) }
            var status = ServiceStatus(
                Service(
                    key: Service.Key(address: address, port: 80, protocol: .tcp),
                    name: "s\(number)",
                    backends: backends
                )
            )
            status.backends = backends.map(BackendStatus.init)
            if number == 3 { status.backends[1].role = .inhibited }
            if number == 5 {
                status.backends[0].role = .draining
                status.backends[1].role = .removed
            }
            status.judge()
            return status
        }

    private func status(_ selection: StatusSelection) -> Status {
        var status = Status.empty
        status.list(services, selection)
        return status
    }

    @Test func `without a limit all are listed, and counted`() {
        let status = status(StatusSelection())
        #expect(status.services == services)
        #expect(status.serviceTotals.services == 10 && status.serviceTotals.backends == 20)
        #expect(
            status.text.contains(
                """
                10 services, 20 backends: 17 serving, 1 draining, 1 inhibited, 1 removed; \
                2 services with a problem
                s3: of 2 backends 1 inhibited
                s5: no backend takes new connections

                """
            )
        )
        #expect(!status.text.contains("are listed"))
    }

    @Test(arguments: [
        (0, 4, ["s0", "s1", "s2", "s3"], "services 1 to 4 of 10 are listed; the next: --skip 4; "),
        (8, 4, ["s8", "s9"], "services 9 to 10 of 10 are listed; all: --all; "),
        (10, 4, [], "services 0 to 10 of 10 are listed; all: --all; "),
        (99, 4, [], "services 0 to 10 of 10 are listed; all: --all; "),
        (0, 0, [], "services 0 to 0 of 10 are listed; the next: --skip 0; "),
    ])
    func `a page says where it stands`(skip: Int, limit: Int, names: [String], line: String) {
        let status = status(StatusSelection(skip: skip, limit: limit))
        #expect(status.services.map(\.name) == names)
        #expect(status.text.contains(line))
        #expect(status.serviceTotals.services == 10)
    }

    @Test func `problems are listed with the backends that are not serving`() {
        let status = status(StatusSelection(onlyProblems: true, limit: 1))
        #expect(status.services.map(\.name) == ["s3"])
        #expect(status.services[0].backends.map(\.role) == [.inhibited])
        #expect(status.services[0].problem == "of 2 backends 1 inhibited")
        #expect(status.text.contains("services 1 to 1 of 2 are listed"))
    }

    @Test func `a service without backends says so`() {
        var bare = services[0]
        bare.backends = []
        bare.judge()
        #expect(bare.problem == "it has no backends")
        bare.backends = [BackendStatus(removed: services[0].backends[0].endpoint)]
        bare.judge()
        #expect(bare.problem == "it has no backends")
    }
}
