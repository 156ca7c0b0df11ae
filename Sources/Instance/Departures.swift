// SPDX-License-Identifier: Apache-2.0
import DPDK

/// Lets go of devices that are taken away while the program runs, so that the kernel can give them to
/// somebody else, and everything else goes on.
///
/// Workers are in the middle of something when the word comes: first nothing new is begun at the
/// device, and when each worker has turned since, nobody touches it any more.
struct Departures<Part: DeparturePart> {
    private struct Leaving {
        var part: Part
        /// Turns of each worker when the device was left.
        var turns: [UInt64]
    }

    private let parts: [Part]
    /// By the name of the device.
    private var leaving: [String: Leaving] = [:]
    private var gone: Set<String> = []

    init(_ parts: [Part]) {
        self.parts = parts
    }

    /// Goes as far as the workers allow, which have turned so often; returns what there is to say.
    mutating func look(turns: [UInt64]) -> [String] {
        var lines: [String] = []
        for part in parts
        where part.isWantedBack && leaving[part.name] == nil && !gone.contains(part.name) {
            leaving[part.name] = Leaving(part: part, turns: turns)
            let deed =
                "device \(part.name): \(part.description) is taken away; the workers leave it"
            do { try part.leave() } catch {
                lines.append("\(deed), but its bond does not: \(error)")
                continue
            }
            lines.append(deed)
        }
        for (name, place) in leaving where Self.isOver(place.turns, turns) {
            leaving[name] = nil
            gone.insert(name)
            do { try place.part.letGo() } catch {
                lines.append(
                    "device \(name): \(place.part.description) cannot be given up: \(error)"
                )
            }
        }
        return lines
    }

    /// Whether each worker has begun and ended a turn.
    private static func isOver(_ before: [UInt64], _ now: [UInt64]) -> Bool {
        zip(before, now).allSatisfy { $1 >= $0 + 2 }
    }
}

/// A device that can be taken away.
protocol DeparturePart {
    /// Of its block.
    var name: String { get }
    /// What the bus calls it.
    var description: String { get }
    var isWantedBack: Bool { get }
    func leave() throws
    func letGo() throws
}

/// A device, and the bond whose slave it is.
struct DepartingDevice: DeparturePart {
    let name: String
    let device: Device
    let bond: Device?

    var description: String { device.facts.device }
    var isWantedBack: Bool { device.isWantedBack }

    func leave() throws { try device.leave(bond) }

    func letGo() throws { try device.letGo() }
}

extension PortSet {
    /// Every device on its own, slaves included.
    var departingDevices: [DepartingDevice] {
        ports.flatMap { port in
            guard let bond = port.bond else {
                return [DepartingDevice(name: port.name, device: port.device, bond: nil)]
            }
            return bond.slaves.map {
                DepartingDevice(name: $0.name, device: $0.device, bond: port.device)
            }
        }
    }
}
