// SPDX-License-Identifier: Apache-2.0
import Addressing
import DPDK
import Logging
import Provisioning
import Synchronization

/// What rules are put into: a device, or a test.
protocol FlowTable: Sendable {
    func validate(_ flow: SteeredFlow) throws(FlowRefusal)
    func add(_ flow: SteeredFlow) throws(FlowRefusal) -> FlowRule
    func remove(_ rule: FlowRule)
}

extension Device: FlowTable {}

/// The rules of one device that bring replies to their owners: for each local address, one a
/// protocol and class of ports.
final class FlowRules: Sendable {
    private let table: any FlowTable
    /// The queue of each class; classes are the low bits of the port.
    private let queues: [Int]
    private let rules = Mutex<[IPAddress: [FlowRule]]>([:])
    /// Why the device takes no rules on addresses of a family; nil when it does.
    let refusal: (ipv4: FlowRefusal?, ipv6: FlowRefusal?)

    /// `queues` has a power of two of them.
    init(_ table: any FlowTable, queues: [Int]) {
        precondition(queues.count.nonzeroBitCount == 1)
        self.table = table
        self.queues = queues
        refusal = (
            Self.refusal(of: table, queues, .v4(IPv4Address(192, 0, 2, 1))),
            Self.refusal(of: table, queues, .v6(IPv6Address(high: 0x2001_0DB8 << 32, low: 1)))
        )
    }

    /// Asks with an address that is nobody's: those of RFC 5737 and RFC 3849 are for examples.
    private static func refusal(
        of table: any FlowTable,
        _ queues: [Int],
        _ example: IPAddress
    ) -> FlowRefusal? {
        for flow in flows(to: example, queues) {
            do throws(FlowRefusal) { try table.validate(flow) } catch { return error }
        }
        return nil
    }

    /// Adds what is missing for `addresses`; call before connections use them.
    ///
    /// Returns the addresses for which the device had no room, and what it said: their replies are
    /// redirected, as are those to a family of which it takes none at all.
    func add(_ addresses: some Sequence<IPAddress>) -> [(IPAddress, FlowRefusal)] {
        rules.withLock { rules in
            var refused: [(IPAddress, FlowRefusal)] = []
            for address in addresses where rules[address] == nil && takes(address.family) {
                var made: [FlowRule] = []
                do throws(FlowRefusal) {
                    for flow in Self.flows(to: address, queues) { made.append(try table.add(flow)) }
                    rules[address] = made
                } catch {
                    made.forEach(table.remove)
                    refused.append((address, error))
                }
            }
            return refused
        }
    }

    /// Takes the rules of all other addresses out.
    func remove(allBut addresses: Set<IPAddress>) {
        rules.withLock { rules in
            for (address, made) in rules where !addresses.contains(address) {
                made.forEach(table.remove)
                rules[address] = nil
            }
        }
    }

    private func takes(_ family: AddressFamily) -> Bool {
        (family == .ipv4 ? refusal.ipv4 : refusal.ipv6) == nil
    }

    private static func flows(to address: IPAddress, _ queues: [Int]) -> [SteeredFlow] {
        [IPProtocol.tcp, .udp]
            .flatMap { number in
                queues.enumerated()
                    .map { low, queue in
                        SteeredFlow(
                            address: address,
                            port: UInt16(low),
                            portMask: UInt16(queues.count - 1),
                            protocol: number,
                            queue: queue
                        )
                    }
            }
    }
}

/// Keeps the rules of all devices that steer by them.
struct FlowSteerer: LocalAddressSteering {
    let devices: [(name: String, rules: FlowRules)]
    let logger: Logger

    func prepare(_ addresses: Set<IPAddress>) {
        for device in devices {
            for (address, refusal) in device.rules.add(addresses.sorted()) {
                logger.warning(
                    "\(device.name): no flow rules for \(address), replies are redirected: \(refusal)"
                )
            }
        }
    }

    func retain(_ addresses: Set<IPAddress>) {
        for device in devices { device.rules.remove(allBut: addresses) }
    }
}
