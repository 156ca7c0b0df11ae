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
    private let rules = Mutex<[IPv4Address: [FlowRule]]>([:])

    /// `queues` has a power of two of them.
    init(_ table: any FlowTable, queues: [Int]) {
        precondition(queues.count.nonzeroBitCount == 1)
        self.table = table
        self.queues = queues
    }

    /// An address for asking what a device can do: of RFC 5737, so nobody's.
    private static let example = IPv4Address(192, 0, 2, 1)

    /// Why the device does not take such rules; nil when it does.
    var refusal: FlowRefusal? {
        for flow in flows(to: Self.example) {
            do throws(FlowRefusal) { try table.validate(flow) } catch { return error }
        }
        return nil
    }

    /// Adds what is missing for `addresses`; call before connections use them.
    ///
    /// Returns the addresses for which the device had no room, and what it said: their replies are
    /// redirected.
    func add(_ addresses: some Sequence<IPv4Address>) -> [(IPv4Address, FlowRefusal)] {
        rules.withLock { rules in
            var refused: [(IPv4Address, FlowRefusal)] = []
            for address in addresses where rules[address] == nil {
                var made: [FlowRule] = []
                do throws(FlowRefusal) {
                    for flow in flows(to: address) { made.append(try table.add(flow)) }
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
    func remove(allBut addresses: Set<IPv4Address>) {
        rules.withLock { rules in
            for (address, made) in rules where !addresses.contains(address) {
                made.forEach(table.remove)
                rules[address] = nil
            }
        }
    }

    private func flows(to address: IPv4Address) -> [SteeredFlow] {
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

    func prepare(_ addresses: Set<IPv4Address>) {
        for device in devices {
            for (address, refusal) in device.rules.add(addresses.sorted()) {
                logger.warning(
                    "\(device.name): no flow rules for \(address), replies are redirected: \(refusal)"
                )
            }
        }
    }

    func retain(_ addresses: Set<IPv4Address>) {
        for device in devices { device.rules.remove(allBut: addresses) }
    }
}
