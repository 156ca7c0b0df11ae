// SPDX-License-Identifier: Apache-2.0
import Timing

/// Notices faults of devices in what is counted once a second, and says each in one line: at once
/// when it begins, then once a minute for as long as it goes on.
struct DeviceWatch {
    /// Between two lines about one kind of trouble of a port.
    static let interval = Duration.seconds(60)

    private struct Topic: Hashable {
        var port: String
        var trouble: DeviceTrouble
    }

    private struct Memory {
        /// What was counted when the latest line was said.
        var told: UInt64
        var at: Instant?
    }

    private var last: [String: DeviceSample] = [:]
    private var memories: [Topic: Memory] = [:]
    private var gone: Set<String> = []

    /// The lines that there are to say about `samples`, the first of which only begin the count.
    mutating func look(at samples: [DeviceSample], now: Instant) -> [String] {
        var lines: [String] = []
        for sample in samples {
            defer { last[sample.name] = sample }
            if sample.isRemoved, gone.insert(sample.name).inserted {
                lines.append(
                    "port \(sample.name): the device is gone; nothing is received or sent there until "
                        + "a restart with a device"
                )
            }
            let arrived = last[sample.name].map { sample.received &- $0.received }
            for trouble in DeviceTrouble.allCases {
                guard let count = sample.faults[trouble] else { continue }
                let topic = Topic(port: sample.name, trouble: trouble)
                guard let new = note(count, topic, now) else { continue }
                lines.append(Self.line(sample, trouble, new, isAlone: arrived == 0))
            }
        }
        return lines
    }

    /// How much is new when it is time to say so.
    private mutating func note(_ count: UInt64, _ topic: Topic, _ now: Instant) -> UInt64? {
        guard let memory = memories[topic], count >= memory.told else {
            // The first look, or the device was reset.
            memories[topic] = Memory(told: count)
            return nil
        }
        let isDue = memory.at.map { now >= $0.advanced(by: Self.interval) } ?? true
        guard count > memory.told, isDue else { return nil }
        memories[topic] = Memory(told: count, at: now)
        return count - memory.told
    }

    private static func line(
        _ sample: DeviceSample,
        _ trouble: DeviceTrouble,
        _ count: UInt64,
        isAlone: Bool
    ) -> String {
        var line = "port \(sample.name): \(trouble.sentence(count))"
        if trouble == .receiveErrors, isAlone { line += ", and nothing else arrives" }
        if trouble == .iommu, let said = sample.kernelLine { line += ": \(said)" }
        return "\(line); look at: \(trouble.remedy)"
    }
}
