// SPDX-License-Identifier: Apache-2.0
import Addressing
import LinuxMirror
import Model
import Testing

struct KernelViewTests {
    private func prefix(_ text: String) throws -> IPPrefix { try #require(IPPrefix(text)) }

    private func state(
        isUp: Bool = true,
        _ addresses: [KernelView.Address] = [],
        _ routes: [KernelView.Path] = []
    ) -> DesiredState {
        let link = KernelView.Link(
            name: "dpdk0.kni",
            isUp: isUp,
            addresses: addresses,
            routes: routes
        )
        return KernelView(links: [link]).desiredState(interfaces: ["dpdk0.kni": "dpdk0"])
    }

    @Test func `addresses and routes of a companion are the port's, owned by the kernel`() throws {
        let gateway = IPAddress.v4(IPv4Address(10, 0, 0, 254))
        let state = state(
            [.init(try prefix("10.0.0.1/24"))],
            [.init(.any(.ipv4), gateway: gateway, mtu: 1400), .init(try prefix("10.0.0.0/24"))]
        )
        let address = try prefix("10.0.0.1/24")
        #expect(
            state.addresses
                == [
                    InterfaceAddress(
                        interface: "dpdk0",
                        prefix: address,
                        owner: .kernel,
                        isInKernel: true
                    )
                ]
        )
        #expect(
            state.routes == [
                Route(
                    destination: .any(.ipv4),
                    gateway: gateway,
                    interface: "dpdk0",
                    mtu: 1400,
                    owner: .kernel
                )
            ]
        )
    }

    @Test func `a network that no address implies is a route`() throws {
        let state = state(
            [.init(try prefix("10.0.0.1/24"), hasNetwork: false)],
            [.init(try prefix("10.0.0.0/24"))]
        )
        #expect(state.addresses.map(\.prefix) == [try prefix("10.0.0.1/32")])
        #expect(state.routes.map(\.destination) == [try prefix("10.0.0.0/24")])
    }

    @Test func `of one address with two lengths the larger network counts`() throws {
        let state = state([.init(try prefix("10.0.0.1/32")), .init(try prefix("10.0.0.1/24"))])
        #expect(state.addresses.map(\.prefix) == [try prefix("10.0.0.1/24")])
    }

    @Test func `of two routes to one destination the smaller metric counts`() throws {
        let destination = try prefix("10.9.0.0/16")
        let paths = [(7, 20), (8, 10)]
            .map { last, metric in
                KernelView.Path(
                    destination,
                    gateway: .v4(IPv4Address(10, 0, 0, UInt8(last))),
                    metric: UInt32(metric)
                )
            }
        #expect(state([], paths).routes.map(\.gateway) == [.v4(IPv4Address(10, 0, 0, 8))])
    }

    @Test func `a companion that is down has nothing to say`() throws {
        let address = KernelView.Address(try prefix("10.0.0.1/24"))
        #expect(state(isUp: false, [address]) == DesiredState())
    }

    @Test func `an interface that is nobody's companion has nothing to say`() throws {
        let link = KernelView.Link(name: "eth0", addresses: [.init(try prefix("10.0.0.1/24"))])
        #expect(KernelView(links: [link]).desiredState(interfaces: [:]) == DesiredState())
    }
}
