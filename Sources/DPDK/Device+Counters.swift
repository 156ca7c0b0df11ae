// SPDX-License-Identifier: Apache-2.0
import CDPDK

extension Device {
    /// A counter of the driver's own.
    public struct Counter: Equatable, Sendable {
        /// "rx_q0_packets", "rx_crc_errors".
        public var name: String
        public var value: UInt64

        public init(name: String, value: UInt64) {
            self.name = name
            self.value = value
        }
    }

    /// What the driver counts beside `statistics`; empty when it has nothing or too much to say.
    public var counters: [Counter] {
        let capacity = CDPDK_counter_capacity
        return unsafe withUnsafeTemporaryAllocation(of: CDPDK_counter.self, capacity: capacity) {
            raw in
            unsafe raw.initialize(repeating: CDPDK_counter())
            let count = unsafe CDPDK_port_get_counters(port, raw.baseAddress, UInt32(capacity))
            return unsafe raw.prefix(max(0, Int(count)))
                .map { counter in
                    let name = unsafe withUnsafeBytes(of: counter.name) { octets in
                        unsafe String(decoding: octets.prefix { $0 != 0 }, as: UTF8.self)
                    }
                    return Counter(name: name, value: counter.value)
                }
        }
    }
}

/// Frames of any device that were dropped on arrival because they were shorter than a link-layer
/// header, or came in pieces that could not be put into one buffer.
public var unusableFrames: UInt64 { CDPDK_unusable_frames() }
