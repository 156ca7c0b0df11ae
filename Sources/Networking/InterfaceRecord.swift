// SPDX-License-Identifier: Apache-2.0

/// What the packet path knows of one interface.
public struct InterfaceRecord: BitwiseCopyable, Sendable {
    /// What frames of it are found by: see `InterfaceNumbers`; 0 where there is none.
    let key: UInt64
    /// The port that carries it.
    public let port: UInt16
    /// The longest packet that it takes, in octets.
    public let mtu: UInt16
    /// Of the frames that are sent, 0 to 7.
    public let priority: UInt8
    /// Whether the kernel has a side of it.
    public let hasCompanion: Bool
    /// Whether frames come and go: not any more when the configuration has lost it.
    public let takesFrames: Bool

    /// An interface of the configuration.
    public init(port: Int, mtu: Int, priority: Int = 0, hasCompanion: Bool = false) {
        self.init(
            key: 0,
            port: UInt16(truncatingIfNeeded: port),
            mtu: UInt16(clamping: mtu),
            priority: UInt8(priority & 7),
            hasCompanion: hasCompanion,
            takesFrames: true
        )
    }

    /// One that has an identifier and is not there (any more).
    init(absent key: UInt64, port: Int) {
        self.init(
            key: key,
            port: UInt16(truncatingIfNeeded: port),
            mtu: .max,
            priority: 0,
            hasCompanion: false,
            takesFrames: false
        )
    }

    private init(
        key: UInt64,
        port: UInt16,
        mtu: UInt16,
        priority: UInt8,
        hasCompanion: Bool,
        takesFrames: Bool
    ) {
        self.key = key
        self.port = port
        self.mtu = mtu
        self.priority = priority
        self.hasCompanion = hasCompanion
        self.takesFrames = takesFrames
    }

    func found(by key: UInt64) -> InterfaceRecord {
        InterfaceRecord(
            key: key,
            port: port,
            mtu: mtu,
            priority: priority,
            hasCompanion: hasCompanion,
            takesFrames: takesFrames
        )
    }

    /// Whether it is a tunnel, on which there are no link-layer addresses.
    public var isTunnel: Bool { key & InterfaceNumbers.tunnel != 0 }
}
