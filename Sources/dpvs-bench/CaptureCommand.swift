// SPDX-License-Identifier: Apache-2.0
import Addressing
import ArgumentParser
import Benchmarking
import Linux

struct CaptureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pcap",
        abstract: "Write the packets of fnat-udp, one a flow, as a capture file."
    )

    @Option(help: "Flows, a power of two up to 2^22.")
    var flows = 1 << 14

    @Option(help: "Frames of each flow; every round has an order of its own. (default: 1 or more)")
    var rounds: Int?

    @Option(help: "The capture file to write.")
    var out: String

    @Option(help: "MAC address of the port that receives the frames.")
    var mac = "\(Capture.firstPcapPort)"

    @Option(help: "The gateway whose ARP reply the file begins with.")
    var gateway = "10.0.0.254"

    func validate() throws {
        guard flows.nonzeroBitCount == 1, (1...(1 << 22)).contains(flows) else {
            throw ValidationError("flows are a power of two up to 4194304")
        }
        guard (1...64).contains(rounds ?? 1), flows * (rounds ?? 1) <= 1 << 24 else {
            throw ValidationError("there are 1 to 64 rounds and at most 16777216 frames")
        }
        guard MACAddress(mac) != nil else { throw ValidationError("'\(mac)' is no MAC address") }
        guard IPv4Address(gateway) != nil else {
            throw ValidationError("'\(gateway)' is no IPv4 address")
        }
    }

    func run() throws {
        guard let destination = MACAddress(mac), let address = IPv4Address(gateway) else { return }
        var capture = Capture(flows: flows, rounds: rounds ?? 1)
        capture.destination = destination
        capture.gateway = address
        do {
            try Files.write(capture.file, to: out)
        } catch {
            throw ValidationError("\(error)")
        }
    }
}
