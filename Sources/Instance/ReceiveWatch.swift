// SPDX-License-Identifier: Apache-2.0
import Dataplane

/// Notices that frames of a port arrive damaged, or put together by a kernel, and words what the log
/// says of it: once when it begins, and again after ten minutes when it goes on.
struct ReceiveWatch {
    /// What one port has counted since the start.
    struct Counts: Equatable {
        var badHeaderChecksums: UInt64 = 0
        /// Found by workers after the device has said so.
        var badTransportChecksums: UInt64 = 0
        /// By the device itself: frames that were broken on the link.
        var brokenFrames: UInt64 = 0
        var superPackets: UInt64 = 0
    }

    private struct Watched {
        var before: Counts
        /// Seconds in which each was last spoken of.
        var told: [Finding: Int] = [:]
    }

    private enum Finding: CaseIterable {
        case badHeaderChecksum, badTransportChecksum, brokenFrame, superPacket

        func count(_ counts: Counts) -> UInt64 {
            switch self {
            case .badHeaderChecksum: counts.badHeaderChecksums
            case .badTransportChecksum: counts.badTransportChecksums
            case .brokenFrame: counts.brokenFrames
            case .superPacket: counts.superPackets
            }
        }

        /// Packets within a window that are worth a line.
        ///
        /// A super-packet stops a transfer; the others are chance until they are many.
        var threshold: UInt64 { self == .superPacket ? 1 : 10 }
    }

    /// Seconds over which packets are counted, and between two lines about the same.
    static let window = 10
    static let silence = 600

    private var ports: [String: Watched] = [:]
    private var nextLook: Int?

    /// What there is to say at `now`, in seconds, of ports with these counts and MTUs.
    mutating func notes(
        at now: Int,
        _ current: [(name: String, mtu: Int, interface: String?, counts: Counts)]
    ) -> [String] {
        let isDue = nextLook.map { now >= $0 } ?? true
        guard isDue else { return [] }
        nextLook = now + Self.window
        var notes: [String] = []
        for port in current {
            guard var watched = ports[port.name] else {
                ports[port.name] = Watched(before: port.counts)
                continue
            }
            for finding in Finding.allCases {
                let (before, after) = (finding.count(watched.before), finding.count(port.counts))
                let packets = after >= before ? after - before : 0
                let last = watched.told[finding] ?? .min / 2
                guard packets >= finding.threshold, now - last >= Self.silence else { continue }
                watched.told[finding] = now
                let what = Self.words(finding, packets, port.mtu, port.interface)
                notes.append("port \(port.name): \(what)")
            }
            watched.before = port.counts
            ports[port.name] = watched
        }
        return notes
    }

    private static func words(
        _ finding: Finding,
        _ packets: UInt64,
        _ mtu: Int,
        _ interface: String?
    ) -> String {
        let count = packets == 1 ? "1 packet" : "\(packets) packets"
        let verb = packets == 1 ? "was" : "were"
        switch finding {
        case .badHeaderChecksum:
            return "\(count) in \(window) s had a wrong IPv4 header checksum and went no further; "
                + "a device on the way, or a sender, damages them"
        case .badTransportChecksum:
            return "\(count) in \(window) s had a wrong TCP, UDP or SCTP checksum and went no "
                + "further; a device on the way, or a sender, damages them"
        case .brokenFrame:
            return "the device received \(packets) broken frames in \(window) s: look at cable, "
                + "optics and the switch's port"
        case .superPacket:
            let own = interface.map { ", and ethtool -K \($0) gro off lro off here" } ?? ""
            return
                "\(count) in \(window) s \(verb) longer than the MTU of \(mtu) and went no further: "
                + "a kernel puts them together; ethtool -K INTERFACE tso off gso off for senders on "
                + "this host\(own)"
        }
    }
}
