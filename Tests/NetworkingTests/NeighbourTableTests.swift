// SPDX-License-Identifier: Apache-2.0
import Addressing
import Networking
import Testing
import Timing

/// A table with its clock, its actions as text.
private struct Neighbourhood {
    typealias Table = NeighbourTable<Int>

    static let gateway = Table.Key(.v4(IPv4Address(10, 0, 0, 1)), on: 0)
    static let handle = AdjacencyHandle(rawValue: 0x0010_0005)
    static let mac = MACAddress(rawValue: 0x0200_0000_0001)
    static let other = MACAddress(rawValue: 0x0200_0000_0002)

    var table: Table
    var now = Instant(nanoseconds: 1_000_000_000)

    init(_ change: (inout Table.Limits) -> Void = { _ in }) {
        var limits = Table.Limits(reachableTime: .seconds(60), queueLength: 2)
        change(&limits)
        table = Table(limits: limits)
    }

    mutating func want(
        _ packet: Int? = nil,
        _ key: Table.Key = gateway,
        isPinned: Bool = false,
        handle: AdjacencyHandle? = Self.handle
    ) -> [String] {
        texts(table.want(key, holding: packet, isPinned: isPinned, handle: handle, at: now))
    }

    mutating func learn(_ mac: MACAddress = mac, _ key: Table.Key = gateway) -> [String] {
        texts(table.learn(key, at: mac, now: now))
    }

    mutating func hear(_ mac: MACAddress?, _ evidence: Table.Evidence) -> [String] {
        texts(table.learn(Self.gateway, at: mac, as: evidence, now: now))
    }

    mutating func fix(_ mac: MACAddress = mac, handle: AdjacencyHandle? = Self.handle) -> [String] {
        texts(table.fix(Self.gateway, at: mac, handle: handle, now: now))
    }

    mutating func loosen() -> [String] { texts(table.loosen(Self.gateway, at: now)) }

    mutating func use() -> [String] { texts(table.used(Self.gateway, at: now)) }

    /// Lets `duration` pass and says what the table does then.
    mutating func wait(_ duration: Duration) -> [String] {
        now = now.advanced(by: duration)
        return texts(table.tick(at: now))
    }

    var state: Table.State? { Table.State.allCases.first { table.count(in: $0) == 1 } }

    private func texts(_ actions: [Table.Action]) -> [String] {
        actions.map { action in
            switch action {
            case .solicit(_, nil): "ask all"
            case .solicit(_, let mac?): "ask \(mac.rawValue & 0xFF)"
            case .show(let state, let mac, _): "show \(state) \(mac.rawValue & 0xFF)"
            case .send(let packet, _): "send \(packet)"
            case .unreachable(let packet): "unreachable \(packet)"
            case .refuse(let packet): "refuse \(packet)"
            case .remove: "remove"
            }
        }
    }

    // MARK: - Neighbours that have come to a state

    static func reachable(
        isPinned: Bool = false,
        _ change: (inout Table.Limits) -> Void = { _ in }
    ) -> Neighbourhood {
        var known = Neighbourhood(change)
        _ = known.want(isPinned: isPinned)
        _ = known.learn()
        return known
    }

    static func stale() -> Neighbourhood {
        var known = reachable()
        _ = known.wait(.seconds(60))
        return known
    }

    static func failed(isPinned: Bool = false) -> Neighbourhood {
        var known = Neighbourhood()
        _ = known.want(isPinned: isPinned)
        for _ in 0..<3 { _ = known.wait(.seconds(1)) }
        return known
    }
}

@Suite struct NeighbourTableTests {
    // MARK: - Permanent

    @Test func `a permanent neighbour is not asked, not believed and not forgotten`() {
        var table = Neighbourhood()
        #expect(table.fix() == ["show reachable 1"])
        #expect(table.fix() == [], "it is so already")
        #expect(table.want(1) == ["send 1"] && table.use() == [])
        #expect(table.learn(Neighbourhood.other) == [])
        #expect(table.hear(Neighbourhood.other, .news(overrides: true)) == [])
        for _ in 0..<5 { #expect(table.wait(.seconds(1000)) == []) }
        #expect(table.state == .permanent)
        #expect(table.table.address(of: Neighbourhood.gateway) == Neighbourhood.mac)
        #expect(table.fix(Neighbourhood.other) == ["show reachable 2"], "it is told another")
        #expect(table.table.permanent == [Neighbourhood.gateway])
    }

    @Test func `packets that wait go where the neighbour is said to be`() {
        var table = Neighbourhood()
        _ = table.want(1)
        #expect(table.fix() == ["show reachable 1", "send 1"])
        #expect(table.table.heldCount == 0 && table.wait(.seconds(10)) == [])
    }

    @Test(arguments: [true, false])
    func `what is permanent no more is asked for anew`(isPinned: Bool) {
        var table = Neighbourhood.reachable(isPinned: isPinned)
        #expect(table.loosen() == [], "it was not")
        _ = table.fix(Neighbourhood.other)
        #expect(table.loosen() == ["show unresolved 0", "ask all"])
        #expect(table.want(1) == [] && table.state == .incomplete)
        #expect(table.learn() == ["show reachable 1", "send 1"])
        #expect(table.table.permanent.isEmpty && table.table.pinned.isEmpty == !isPinned)
    }

    @Test func `without a handle nothing is permanent`() {
        var table = Neighbourhood()
        #expect(table.fix(handle: nil) == [] && table.table.count == 0)
    }

    // MARK: - Incomplete

    @Test func `a new neighbour is asked for, and its packets wait`() {
        var table = Neighbourhood()
        #expect(table.want(1) == ["ask all"])
        #expect(table.want(2) == [])
        #expect(table.state == .incomplete && table.table.heldCount == 2)
        #expect(table.table.handle(of: Neighbourhood.gateway) == Neighbourhood.handle)
        #expect(table.table.address(of: Neighbourhood.gateway) == nil)
    }

    @Test func `a full queue refuses, and room comes back with the answer`() {
        var table = Neighbourhood()
        _ = table.want(1)
        _ = table.want(2)
        #expect(table.want(3) == ["refuse 3"])
        #expect(table.table.heldCount == 2)
        #expect(table.learn() == ["show reachable 1", "send 1", "send 2"])
        #expect(table.table.heldCount == 0)
    }

    @Test func `without a handle there is no neighbour and no place to wait`() {
        var table = Neighbourhood()
        #expect(table.want(1, handle: nil) == ["refuse 1"])
        #expect(table.want(handle: nil) == [])
        #expect(table.table.count == 0)
    }

    @Test func `it is asked for three times, a second apart, and then has failed`() {
        var table = Neighbourhood()
        _ = table.want(1)
        #expect(table.wait(.milliseconds(900)) == [])
        #expect(table.wait(.milliseconds(100)) == ["ask all"])
        #expect(table.wait(.milliseconds(999)) == [])
        #expect(table.wait(.milliseconds(1)) == ["ask all"])
        #expect(table.wait(.seconds(1)) == ["unreachable 1"])
        #expect(table.state == .failed && table.table.heldCount == 0)
    }

    // MARK: - Failed

    @Test func `packets for a failed neighbour are not held until a while has passed`() {
        var table = Neighbourhood.failed()
        table.now = table.now.advanced(by: .milliseconds(999))
        #expect(table.want(2) == ["unreachable 2"])
        #expect(table.want() == [])
        table.now = table.now.advanced(by: .milliseconds(1))
        #expect(table.want(3) == ["show unresolved 0", "ask all"])
        #expect(table.state == .incomplete && table.table.heldCount == 1)
        #expect(table.learn() == ["show reachable 1", "send 3"])
    }

    @Test func `a failed neighbour that speaks is believed at once`() {
        var table = Neighbourhood.failed()
        #expect(table.learn() == ["show reachable 1"])
        #expect(table.state == .reachable)
    }

    @Test func `a failed neighbour is forgotten, unless it is pinned`() {
        var table = Neighbourhood.failed()
        #expect(table.wait(.milliseconds(999)) == [])
        #expect(table.wait(.milliseconds(1)) == ["remove"])
        #expect(table.table.count == 0)
        var pinned = Neighbourhood.failed(isPinned: true)
        #expect(pinned.wait(.seconds(1)) == ["show unresolved 0", "ask all"])
        #expect(pinned.state == .incomplete)
    }

    // MARK: - Reachable

    @Test func `packets for a reachable neighbour go on at once`() {
        var table = Neighbourhood.reachable()
        #expect(table.want(1) == ["send 1"])
        #expect(table.want() == [])
        #expect(table.table.address(of: Neighbourhood.gateway) == Neighbourhood.mac)
    }

    @Test func `every word from a neighbour begins its time anew`() {
        var table = Neighbourhood.reachable()
        #expect(table.wait(.seconds(59)) == [])
        #expect(table.learn() == ["show reachable 1"])
        #expect(table.wait(.seconds(59)) == [])
        #expect(table.wait(.seconds(1)) == ["show stale 1"])
    }

    @Test func `a neighbour that moves is followed at once, in any state`() {
        for known in [Neighbourhood.reachable(), .stale(), .failed()] {
            var table = known
            #expect(table.learn(Neighbourhood.other) == ["show reachable 2"])
            #expect(table.table.address(of: Neighbourhood.gateway) == Neighbourhood.other)
        }
    }

    // MARK: - Stale and probe

    @Test func `a silent neighbour becomes stale, and is asked itself when it is used`() {
        var table = Neighbourhood.stale()
        #expect(table.state == .stale)
        #expect(table.use() == ["show reachable 1", "ask 1"])
        #expect(table.state == .probe)
        #expect(table.use() == [], "asked already")
        #expect(table.learn() == ["show reachable 1"])
        #expect(table.state == .reachable)
    }

    @Test func `a packet for a stale neighbour goes on while it is asked`() {
        var table = Neighbourhood.stale()
        #expect(table.want(1) == ["show reachable 1", "ask 1", "send 1"])
        #expect(table.want(2) == ["send 2"])
        #expect(table.state == .probe)
    }

    @Test func `a neighbour that does not answer for itself is asked of everybody, then fails`() {
        var table = Neighbourhood.stale()
        _ = table.use()
        #expect(table.wait(.seconds(1)) == ["ask 1"])
        #expect(table.wait(.seconds(1)) == ["ask 1"])
        #expect(table.wait(.seconds(1)) == ["show unresolved 1", "ask all"])
        #expect(table.state == .incomplete)
        #expect(table.want(1) == [])
        #expect(table.wait(.seconds(1)) == ["ask all"])
        #expect(table.wait(.seconds(1)) == ["ask all"])
        #expect(table.wait(.seconds(1)) == ["unreachable 1"])
        #expect(table.state == .failed)
    }

    @Test func `a neighbour that nobody uses is forgotten`() {
        var table = Neighbourhood.stale()
        #expect(table.wait(.seconds(599)) == [])
        #expect(table.wait(.seconds(1)) == ["remove"])
        #expect(table.table.count == 0 && table.use() == [] && table.learn() == [])
    }

    @Test func `news of use counts only where it is stale`() {
        for known in [Neighbourhood(), .reachable(), .failed()] {
            var table = known
            #expect(table.use() == [])
            #expect(table.state == known.state)
        }
    }

    // MARK: - Pinned

    @Test func `a pinned neighbour is asked again before anybody needs it`() {
        var table = Neighbourhood.reachable(isPinned: true)
        #expect(table.wait(.seconds(60)) == ["show reachable 1", "ask 1"])
        #expect(table.state == .probe)
        #expect(table.learn() == ["show reachable 1"])
        #expect(table.table.pinned == [Neighbourhood.gateway])
    }

    @Test func `a pinned neighbour is never forgotten`() {
        var table = Neighbourhood.failed(isPinned: true)
        for _ in 0..<100 { #expect(!table.wait(.seconds(60)).contains("remove")) }
        #expect(table.table.count == 1)
    }

    @Test func `one that is not pinned any more goes the way of the others`() {
        var table = Neighbourhood.reachable(isPinned: true)
        table.table.unpin(Neighbourhood.gateway)
        #expect(table.table.pinned.isEmpty)
        #expect(table.wait(.seconds(60)) == ["show stale 1"])
        #expect(table.wait(.seconds(600)) == ["remove"])
    }

    @Test func `pinning a stale neighbour asks it`() {
        var table = Neighbourhood.stale()
        #expect(table.want(isPinned: true) == ["show reachable 1", "ask 1"])
        #expect(table.table.pinned == [Neighbourhood.gateway])
        // Being wanted for a packet does not unpin.
        _ = table.want(1)
        #expect(table.table.pinned == [Neighbourhood.gateway])
    }

    // MARK: - What is not believed

    @Test func `nobody fills the table from outside`() {
        var table = Neighbourhood()
        #expect(table.learn() == [])
        #expect(table.table.count == 0)
    }

    @Test(arguments: [MACAddress.zero, .broadcast, MACAddress(rawValue: 0x0100_5E00_0001)])
    func `an address that no station has is not believed`(mac: MACAddress) {
        var table = Neighbourhood.reachable()
        #expect(table.learn(mac) == [])
        #expect(table.table.address(of: Neighbourhood.gateway) == Neighbourhood.mac)
    }

    @Test func `the same address on another port is another neighbour`() {
        var table = Neighbourhood.reachable()
        let elsewhere = Neighbourhood.Table.Key(Neighbourhood.gateway.address, on: 1)
        #expect(table.learn(Neighbourhood.other, elsewhere) == [])
        #expect(table.want(5, elsewhere) == ["ask all"])
        #expect(table.learn(Neighbourhood.other, elsewhere) == ["show reachable 2", "send 5"])
        #expect(table.table.count == 2 && table.table.count(in: .reachable) == 2)
        #expect(table.table.address(of: Neighbourhood.gateway) == Neighbourhood.mac)
    }

    // MARK: - Packets that wait

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `what waits is counted as it comes and goes`(seed: UInt64) {
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var table = Neighbourhood()
        // Packets that went in and have not come out.
        var inside = 0
        for packet in 1...2000 {
            let key = Neighbourhood.Table.Key(
                .v4(IPv4Address(10, 0, 0, UInt8(random(8)))),
                on: 0
            )
            let actions: [String]
            switch random(6) {
            case 0: actions = table.learn(Neighbourhood.mac, key)
            case 1: actions = table.wait(.milliseconds(random(3000)))
            case 2: actions = table.fix()
            case 3: actions = table.loosen()
            default:
                inside += 1
                actions = table.want(packet, key)
            }
            inside -= actions.count { action in
                ["send", "unreachable", "refuse"].contains { action.hasPrefix($0) }
            }
            #expect(table.table.heldCount == inside, "seed \(seed)")
        }
    }

    // MARK: - All of them

    @Test func `when everything is forgotten the packets that waited come back`() {
        var table = Neighbourhood()
        _ = table.want(1)
        _ = table.want(2, .init(.v6(.loopback), on: 3))
        #expect(table.table.removeAll().sorted() == [1, 2])
        #expect(table.table.count == 0 && table.table.heldCount == 0)
    }
}

/// What advertisements and options of neighbour discovery are worth (RFC 4861 section 7.2.5 and
/// appendix C).
@Suite struct NeighbourEvidenceTests {
    private static let other = Neighbourhood.other

    @Test func `an address that was only heard of is used, and confirmed when a packet waits`() {
        var idle = Neighbourhood()
        _ = idle.want()
        #expect(idle.hear(Neighbourhood.mac, .news(overrides: true)) == ["show stale 1"])
        #expect(idle.state == .stale)
        var busy = Neighbourhood()
        _ = busy.want(7)
        #expect(
            busy.hear(Neighbourhood.mac, .news(overrides: true))
                == ["show reachable 1", "ask 1", "send 7"]
        )
        #expect(busy.state == .probe)
    }

    @Test func `an unsolicited advertisement with override moves a neighbour, unconfirmed`() {
        var known = Neighbourhood.reachable()
        #expect(known.hear(Self.other, .news(overrides: true)) == ["show stale 2"])
        #expect(known.state == .stale)
    }

    @Test(arguments: [true, false])
    func `without override another address only casts doubt on the known one`(isAnswer: Bool) {
        let evidence: NeighbourTable<Int>.Evidence =
            isAnswer ? .answer(overrides: false) : .news(overrides: false)
        var known = Neighbourhood.reachable()
        #expect(known.hear(Self.other, evidence) == ["show stale 1"])
        var stale = Neighbourhood.stale()
        #expect(stale.hear(Self.other, evidence) == [] && stale.state == .stale)
    }

    @Test func `news of what is known changes nothing, not even when it expires`() {
        var known = Neighbourhood.reachable()
        _ = known.wait(.seconds(59))
        #expect(known.hear(Neighbourhood.mac, .news(overrides: true)) == [])
        #expect(known.wait(.seconds(1)) == ["show stale 1"])
    }

    @Test
    func `an answer without an address confirms the known one, and tells nothing of a new one`() {
        var stale = Neighbourhood.stale()
        #expect(stale.hear(nil, .answer(overrides: true)) == ["show reachable 1"])
        var new = Neighbourhood()
        _ = new.want()
        #expect(new.hear(nil, .answer(overrides: true)) == [] && new.state == .incomplete)
    }

    @Test func `a pinned neighbour that moved unconfirmed is asked at once`() {
        var known = Neighbourhood.reachable(isPinned: true)
        #expect(known.hear(Self.other, .news(overrides: true)) == ["show reachable 2", "ask 2"])
        #expect(known.state == .probe)
    }
}
