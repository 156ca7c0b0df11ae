// SPDX-License-Identifier: Apache-2.0

/// Which receive queues a device puts frames into, whoever looks there.
///
/// A frame in a queue that no worker polls is lost without a word, so all of these are opened and
/// polled.
public enum FilledQueues: Sendable {
    /// Those that it was opened with: network cards.
    case opened
    /// As many as it has queues of the direction that has more, because each pair is one queue of a
    /// host: virtio, where VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET names pairs, and TAP.
    case paired
    /// Every one that it has: AF_PACKET's sockets share a fanout group once the device is made.
    case all

    private static let pairedDrivers = ["virtio", "tap", "vhost"]
    private static let filledDrivers = ["af_packet", "af_xdp", "pcap"]

    init(driver: String) {
        self =
            if Self.filledDrivers.contains(where: driver.contains) {
                .all
            } else if Self.pairedDrivers.contains(where: driver.contains) {
                .paired
            } else {
                .opened
            }
    }

    /// What holds for a bond of such devices.
    static func ofBond(_ slaves: [FilledQueues]) -> FilledQueues {
        if slaves.contains(.all) { return .all }
        return slaves.contains(.paired) ? .paired : .opened
    }
}
