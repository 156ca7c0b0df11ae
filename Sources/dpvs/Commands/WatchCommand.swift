// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Model
import NIOCore

struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Print what happens to a running dpvs, until it ends or the command does.",
        discussion: """
            Begins with what runs. With --json each line is one event. Exits 3 when dpvs ends.
            """
    )

    @OptionGroup var instance: InstanceOptions

    @Flag(help: "Print JSON, one event a line.")
    var json = false

    @Option(help: "End after so many events.")
    var count: Int?

    func run() async throws {
        var reader = EventReader()
        var left = count ?? .max
        try await instance.client.pieces(of: "/v1/watch", isEndless: true) { piece in
            for arrival in try reader.read(piece.readableBytesView) where left > 0 {
                left -= 1
                try write(arrival)
            }
            return left > 0
        }
        guard left > 0 else { return }
        CommandExit.complain("dpvs has ended the stream\n")
        try ExitStatus.unreachable.end()
    }

    private func write(_ arrival: EventReader.Arrival) throws {
        guard !json else {
            try StandardOutput.write(ControlJSON.encode(arrival.event) + [UInt8(ascii: "\n")])
            return
        }
        if arrival.missed > 0 {
            try StandardOutput.write("\(counted(Int(arrival.missed), "event")) missed\n")
        }
        try StandardOutput.write(arrival.event.lines)
    }
}
