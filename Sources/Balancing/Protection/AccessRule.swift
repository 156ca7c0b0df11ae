// SPDX-License-Identifier: Apache-2.0
public import Addressing
import Containers
public import Filtering

/// Which of the snapshot's sets a list names, by their slots.
public struct SetNames: BitwiseCopyable, Sendable, Equatable {
    /// Sixteen bits each, the slot and one more, from the lowest on; 0 ends them.
    private var word: UInt64 = 0

    /// Slots that one list has room for.
    public static let capacity = 4

    /// Of more slots than there is room for, the first ones.
    public init(_ slots: [UInt16] = []) {
        for slot in slots.prefix(Self.capacity).reversed() {
            word = word << 16 | UInt64(slot) + 1
        }
    }

    public var isEmpty: Bool { word == 0 }

    /// The first slot whose set holds `address`.
    func first(holding address: WireAddress, among sets: AddressSets) -> UInt32? {
        var rest = word
        while rest != 0 {
            let slot = UInt32(truncatingIfNeeded: rest & 0xFFFF) &- 1
            if sets.contains(address, slot: slot) { return slot }
            rest >>= 16
        }
        return nil
    }
}

/// Who may open connections of a service.
public struct AccessRule: BitwiseCopyable, Sendable, Equatable {
    /// Empty: everybody.
    public var allow: SetNames
    /// Nobody of these, whatever `allow` has.
    public var deny: SetNames

    public init(allow: SetNames = SetNames(), deny: SetNames = SetNames()) {
        self.allow = allow
        self.deny = deny
    }

    public var isEmpty: Bool { allow.isEmpty && deny.isEmpty }
}

/// The sets of a snapshot by their slots, and those whose addresses are dropped before all else.
///
/// A handle to immutable memory that the snapshot's maker destroys; the sets belong to others.
@safe
public struct AddressSets: BitwiseCopyable, @unchecked Sendable {
    private let filters: UnsafeMutablePointer<AddressFilter?>
    private let count: UInt32
    public let screen: SetNames

    public init(_ all: [AddressFilter?] = [], screen: SetNames = SetNames()) {
        unsafe filters = .allocate(capacity: max(1, all.count))
        for (slot, filter) in all.enumerated() { unsafe (filters + slot).initialize(to: filter) }
        count = UInt32(all.count)
        self.screen = screen
    }

    public func destroy() { unsafe filters.deallocate() }

    func contains(_ address: WireAddress, slot: UInt32) -> Bool {
        guard slot < count, let filter = unsafe filters[Int(slot)] else { return false }
        return filter.contains(address)
    }
}

/// What a worker has counted of a set.
public enum SetCounter: Int, CaseIterable, Sendable {
    /// Packets and connections that a list with the set has let in or kept out.
    case hits

    public static let stride = 1

    public func index(slot: UInt32) -> Int { Int(slot) &* Self.stride &+ rawValue }
}

extension Balancer {
    /// Why a client may open no connection of a service; nil when it may.
    @inline(never)
    mutating func refusal(
        of client: WireAddress,
        _ rule: AccessRule,
        of service: ServiceRecord,
        _ balancing: BalancingState
    ) -> Decision.Refusal? {
        let sets = balancing.sets
        if let slot = rule.deny.first(holding: client, among: sets) {
            self.sets.add(1, at: SetCounter.hits.index(slot: slot))
            services.add(1, at: ServiceCounter.denied.index(slot: service.slot))
            return .denied
        }
        if rule.allow.isEmpty { return nil }
        if let slot = rule.allow.first(holding: client, among: sets) {
            self.sets.add(1, at: SetCounter.hits.index(slot: slot))
            return nil
        }
        services.add(1, at: ServiceCounter.notAllowed.index(slot: service.slot))
        return .notAllowed
    }

    /// Whether packets of a sender are dropped, whatever they are.
    public mutating func isScreened(_ sender: WireAddress, _ sets: AddressSets) -> Bool {
        guard let slot = sets.screen.first(holding: sender, among: sets) else { return false }
        self.sets.add(1, at: SetCounter.hits.index(slot: slot))
        return true
    }
}
