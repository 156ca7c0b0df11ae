// SPDX-License-Identifier: Apache-2.0
import Model
import Timing

/// What the peers of a run do, and how time passes meanwhile.
struct Load: Sendable {
    var traffic: Traffic
    var answer: Traffic = .silence
    var setting = Setting()
    /// Time that passes with each turn: connections of the runs that open them end as fast as new
    /// ones come, with the table between half and wholly full.
    var step: Duration = .microseconds(20)
    /// Whether somebody lists the connections all the time.
    var isSeen = false

    var template: [UInt8] {
        let isEstablished = if case .segments = traffic { true } else { false }
        return Template.frame(
            setting.protocol,
            to: Template.clientPort,
            at: setting.mode == .snat ? Template.outsider : Template.virtualAddress,
            carriesData: isEstablished || setting.protocol == .udp
        )
    }

    var destinations: Destinations? {
        guard case .services = traffic else { return nil }
        return Destinations(Template.endpoints(setting.services), template: template)
    }

    /// Frames of established flows that the client sends before anything is measured: two rounds.
    var warmUpFrames: Int? {
        switch traffic {
        case .datagrams(let flows), .segments(let flows), .services(let flows):
            max(Int(flows) * 2, 100_000)
        default: nil
        }
    }

    func makeBareLoop() -> BareLoop {
        // Frames that nobody answers, whatever the run's peers do.
        let traffic: Traffic =
            switch traffic {
            case .datagrams, .segments, .services: traffic
            default: .newFlows
            }
        return BareLoop(traffic, template: template, destinations: destinations)
    }
}

/// Time that passes with the packets, so that connections end while a run lasts.
struct SimulatedClock {
    private var now = Instant(nanoseconds: 0)
    private let stride: Duration

    init(step: Duration) {
        stride = step
    }

    mutating func step() -> Instant {
        now = now.advanced(by: stride)
        return now
    }
}
