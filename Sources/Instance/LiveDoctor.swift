// SPDX-License-Identifier: Apache-2.0
import Control

/// Judges a running instance by two looks at it, some time apart.
///
/// What is wrong is told whether it goes on (counted between the looks: a fault) or is over (counted
/// since the start: a note).
struct LiveDoctor {
    /// What one worker had done at one moment.
    struct WorkerSample: Equatable {
        var id: Int
        var turns: UInt64 = 0
        var received: UInt64 = 0
        var transmitted: UInt64 = 0
        /// Replies that arrived where their connection is.
        var direct: UInt64 = 0
        /// Packets that another worker handed over because their connection is here.
        var redirected: UInt64 = 0
    }

    /// A port and its queues at one moment.
    struct PortSample: Equatable {
        var device: DeviceSample
        /// Whether it is on a bus, and reads and writes memory by itself.
        var isOnBus = false
        /// Receive queues that are open.
        var queues: Int
        /// Receive queues by worker, in the order of the workers.
        var polled: [[Int]]
        var steering: PortSteering
        /// The driver's own counters, by name.
        var counters: [String: UInt64] = [:]
    }

    struct Sample: Equatable {
        var workers: [WorkerSample]
        var ports: [PortSample]
        /// Packets dropped because a checksum of theirs is wrong, by reason.
        var badChecksums: [String: UInt64] = [:]
        /// Frames that came in a form that cannot be used.
        var unusable: UInt64 = 0
        var buffersInUse = 0
        var bufferCapacity = 1
    }

    let before: Sample
    let after: Sample
    let seconds: Double

    var report: LiveReport {
        LiveReport(
            seconds: seconds,
            checks: workerChecks() + after.ports.indices.flatMap(portChecks) + replyChecks()
                + [arrivalCheck(), departureCheck(), checksumCheck(), bufferCheck()]
        )
    }

    // MARK: - Workers

    private func workerChecks() -> [LiveReport.Check] {
        let still = zip(before.workers, after.workers).filter { $0.turns == $1.turns }.map(\.1.id)
        guard !still.isEmpty else {
            return [.init(.ok, "workers", "all \(after.workers.count) turn")]
        }
        return still.map {
            .init(
                .fault,
                "worker \($0)",
                "has not turned in \(seconds) s: what its queues get is lost",
                remedy: "a CPU of its own; a restart if it stays so"
            )
        }
    }

    // MARK: - Ports

    private func portChecks(_ index: Int) -> [LiveReport.Check] {
        let port = after.ports[index]
        let old = before.ports[index]
        let subject = "port \(port.device.name)"
        guard !port.device.isRemoved else {
            let remedy = "restart with a device: dpvs doctor says what is there"
            return [.init(.fault, subject, "the device is gone", remedy: remedy)]
        }
        guard port.device.isLinkUp else {
            return [.init(.fault, subject, "its link is down", remedy: "cable, switch, peer")]
        }
        return [queueCheck(subject, port)] + troubleChecks(subject, port, old)
    }

    private func queueCheck(_ subject: String, _ port: PortSample) -> LiveReport.Check {
        let polled = Set(port.polled.flatMap(\.self))
        // Queues that the driver says to have filled, polled or not.
        let filled = port.counters.filter { $0.value > 0 }.keys.compactMap(Self.queue)
        let missing = Set(0..<port.queues).union(filled).subtracting(polled).sorted()
        guard missing.isEmpty else {
            let names = missing.map(String.init).joined(separator: ", ")
            return .init(
                .fault,
                subject,
                "no worker polls receive queue \(names): what the device puts there is lost",
                remedy: "give it to a worker: rx_queue_ids"
            )
        }
        let count =
            port.queues == 1 ? "its receive queue is" : "its \(port.queues) receive queues are"
        return .init(.ok, subject, "link up, \(count) polled")
    }

    /// "rx_q3_packets" and "rx_q3_good_packets" -> 3.
    private static func queue(_ counter: String) -> Int? {
        guard counter.hasPrefix("rx_q"), counter.hasSuffix("packets") else { return nil }
        return Int(counter.dropFirst(4).prefix { $0.isNumber })
    }

    private func troubleChecks(
        _ subject: String,
        _ port: PortSample,
        _ old: PortSample
    ) -> [LiveReport.Check] {
        var checks: [LiveReport.Check] = []
        for trouble in DeviceTrouble.allCases {
            guard let total = port.device.faults[trouble] else { continue }
            let new = total &- (old.device.faults[trouble] ?? total)
            guard total > 0 else { continue }
            let named = Self.errors(port.counters, old.counters)
            var remedy = trouble.remedy
            if [.receiveErrors, .transmitErrors].contains(trouble), !named.isEmpty {
                remedy = "the driver counts \(named); \(remedy)"
            }
            if trouble == .iommu, let line = port.device.kernelLine {
                remedy = "\(line); \(remedy)"
            }
            let isFault = new > 0 || trouble == .iommu
            let time = new > 0 ? "in \(seconds) s, \(trouble.sentence(new))" : nil
            checks.append(
                .init(
                    isFault ? .fault : .note,
                    subject,
                    time ?? "since the start, \(trouble.sentence(total))",
                    remedy: remedy
                )
            )
        }
        if port.device.faults[.iommu] == nil, port.isOnBus {
            checks.append(
                .init(
                    .note,
                    subject,
                    "faults of the IOMMU cannot be seen: /dev/kmsg may not be read",
                    remedy: "CAP_SYSLOG at the start, and /dev/kmsg in the pod; or journalctl -k"
                )
            )
        }
        return checks
    }

    /// "rx_crc_errors 12": the driver's counters of errors, those that grow first.
    private static func errors(_ now: [String: UInt64], _ before: [String: UInt64]) -> String {
        let words = ["err", "drop", "discard", "bad", "miss", "crc"]
        let errors =
            now.filter { counter in
                counter.value > 0 && words.contains { counter.key.contains($0) }
            }
            .sorted { left, right in
                let grown = (
                    left.value &- (before[left.key] ?? 0), right.value &- (before[right.key] ?? 0)
                )
                return grown.0 == grown.1 ? left.key < right.key : grown.0 > grown.1
            }
        return errors.prefix(4).map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }

    // MARK: - Ways of packets

    /// More packets may be under way between the two readings of one look.
    private static let slack: UInt64 = 512

    private func arrivalCheck() -> LiveReport.Check {
        let delivered = grown { $0.ports.map(\.device.received) }
        let taken = grown { $0.workers.map(\.received) } + (after.unusable &- before.unusable)
        let subject = "arrival"
        guard delivered <= taken + taken / 20 + Self.slack else {
            return .init(
                .fault,
                subject,
                "devices counted \(delivered) frames in \(seconds) s, workers took \(taken)",
                remedy: "a queue that nobody polls, or a driver that counts what it drops"
            )
        }
        if delivered == 0, taken == 0 {
            return .init(.note, subject, "nothing arrived in \(seconds) s")
        }
        if after.unusable > 0 {
            return .init(
                .note,
                subject,
                "\(taken) frames in \(seconds) s; since the start \(after.unusable) could not be used: "
                    + "too short, or in pieces"
            )
        }
        return .init(
            .ok,
            subject,
            "workers took all of \(max(delivered, taken)) frames in \(seconds) s"
        )
    }

    private func departureCheck() -> LiveReport.Check {
        let given = grown { $0.workers.map(\.transmitted) }
        let sent = grown { $0.ports.map(\.device.transmitted) }
        let subject = "departure"
        guard given <= sent + sent / 20 + Self.slack else {
            return .init(
                .fault,
                subject,
                "workers gave \(given) frames to devices in \(seconds) s, which sent \(sent)",
                remedy: "the link of the port; its transmit counters in dpvs status"
            )
        }
        return given == 0
            ? .init(.note, subject, "nothing was sent in \(seconds) s")
            : .init(.ok, subject, "\(given) frames given to devices in \(seconds) s have left")
    }

    private func grown(_ counts: (Sample) -> [UInt64]) -> UInt64 {
        zip(counts(before), counts(after)).reduce(0) { $0 + ($1.1 >= $1.0 ? $1.1 - $1.0 : 0) }
    }

    /// Whether replies come to the workers that own their connections, as the steering promises.
    private func replyChecks() -> [LiveReport.Check] {
        guard after.workers.count > 1 else { return [] }
        let direct = grown { $0.workers.map(\.direct) }
        let redirected = grown { $0.workers.map(\.redirected) }
        let subject = "replies"
        guard direct + redirected > 0 else {
            return [.init(.note, subject, "none in \(seconds) s")]
        }
        let share = Double(redirected) / Double(direct + redirected)
        let text =
            "\(Self.percent(1 - share)) of \(direct + redirected) arrived at the worker that owns them"
        let promised = after.ports.allSatisfy { $0.steering.method != .redirect }
        // ICMP errors and fragments come where they come.
        guard share > 0.05 else { return [.init(.ok, subject, text)] }
        let reasons = after.ports.filter { $0.steering.method == .redirect }
            .map { "\($0.device.name) redirects: \($0.steering.reason)" }
        return [
            .init(
                .note,
                subject,
                "\(text), the others were handed on",
                remedy: promised
                    ? "the device's key or table is not what it says; steering redirect is as good"
                    : reasons.joined(separator: "; ")
            )
        ]
    }

    private static func percent(_ share: Double) -> String {
        "\((share * 1000).rounded() / 10) %"
    }

    // MARK: - Contents

    private func checksumCheck() -> LiveReport.Check {
        let subject = "checksums"
        let total = after.badChecksums.values.reduce(0, +)
        let new = total &- before.badChecksums.values.reduce(0, +)
        let received = after.workers.reduce(0) { $0 + $1.received }
        guard total > 0 else {
            return .init(
                .ok,
                subject,
                "none of \(received) packets had a wrong one that shows here"
            )
        }
        let reasons = after.badChecksums.filter { $0.value > 0 }
            .sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        let text = reasons.joined(separator: ", ")
        let remedy =
            "cable, memory of a device on the way; a peer on this host: ethtool -K IF tx off"
        // More than a stray packet now and then.
        let isFault = new > 0 && new > grown { $0.workers.map(\.received) } / 1000
        return .init(
            isFault ? .fault : .note,
            subject,
            isFault
                ? "\(new) packets in \(seconds) s had a wrong one (\(text))"
                : "\(total) of \(received) packets had a wrong one since the start (\(text))",
            remedy: remedy
        )
    }

    private func bufferCheck() -> LiveReport.Check {
        let (used, all) = (after.buffersInUse, after.bufferCapacity)
        let text = "\(used) of \(all) packet buffers in use"
        guard used * 20 >= all * 19 else { return .init(.ok, "buffers", text) }
        return .init(.fault, "buffers", text, remedy: "larger netif_defs.pktpool_size")
    }
}
