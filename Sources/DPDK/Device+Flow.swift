// SPDX-License-Identifier: Apache-2.0
public import Addressing
import CDPDK

/// Packets to one address whose destination port fits a mask, and the queue they shall go to.
public struct SteeredFlow: Hashable, Sendable {
    public var address: IPAddress
    public var port: UInt16
    public var portMask: UInt16
    /// TCP or UDP.
    public var `protocol`: IPProtocol
    public var queue: Int

    public init(
        address: IPAddress,
        port: UInt16,
        portMask: UInt16,
        protocol: IPProtocol,
        queue: Int
    ) {
        self.address = address
        self.port = port
        self.portMask = portMask
        self.protocol = `protocol`
        self.queue = queue
    }

    fileprivate var raw: CDPDK_flow {
        var raw = CDPDK_flow()
        unsafe withUnsafeMutableBytes(of: &raw.address) { place in
            switch address {
            case .v4(let address):
                unsafe place.storeBytes(of: address.rawValue.bigEndian, as: UInt32.self)
            case .v6(let address):
                unsafe place.storeBytes(of: address.high.bigEndian, as: UInt64.self)
                unsafe place.storeBytes(
                    of: address.low.bigEndian,
                    toByteOffset: 8,
                    as: UInt64.self
                )
            }
        }
        raw.is_ipv6 = address.family == .ipv6
        raw.port = port
        raw.port_mask = portMask
        raw.protocol = `protocol`.rawValue
        raw.queue = UInt16(queue)
        return raw
    }
}

/// A rule that stands in a device.
@safe
public struct FlowRule: @unchecked Sendable {
    fileprivate let pointer: OpaquePointer?

    /// A rule that stands nowhere.
    package static var forTests: FlowRule { unsafe FlowRule(pointer: nil) }
}

/// Why a device does not take a rule, in its own words.
public struct FlowRefusal: Error, Sendable, CustomStringConvertible {
    public var description: String

    public init(description: String) {
        self.description = description
    }
}

extension Device {
    private static let longestMessage = 256

    /// Asks whether the device would take the rule; nothing changes.
    public func validate(_ flow: SteeredFlow) throws(FlowRefusal) {
        var raw = flow.raw
        var message = [CChar](repeating: 0, count: Self.longestMessage)
        let result = unsafe CDPDK_flow_validate(port, &raw, &message, message.count)
        guard result >= 0 else { throw Self.refusal(message) }
    }

    public func add(_ flow: SteeredFlow) throws(FlowRefusal) -> FlowRule {
        var raw = flow.raw
        var error: Int32 = 0
        var message = [CChar](repeating: 0, count: Self.longestMessage)
        guard let rule = unsafe CDPDK_flow_add(port, &raw, &error, &message, message.count) else {
            throw Self.refusal(message)
        }
        return unsafe FlowRule(pointer: rule)
    }

    public func remove(_ rule: FlowRule) {
        if let pointer = unsafe rule.pointer { _ = unsafe CDPDK_flow_remove(port, pointer) }
    }

    private static func refusal(_ message: [CChar]) -> FlowRefusal {
        let text = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return FlowRefusal(description: String(decoding: text, as: UTF8.self))
    }
}
