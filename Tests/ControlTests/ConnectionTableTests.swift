// SPDX-License-Identifier: Apache-2.0
import Addressing
import Synchronization
import Testing

@testable import ControlServer

@Suite struct ConnectionTableTests {
    /// Notes which connections were hung up on.
    private final class Closed: Sendable {
        private let names = Mutex<[String]>([])
        var all: [String] { names.withLock { $0 } }
        func close(_ name: String) -> @Sendable () -> Void {
            { [self] in names.withLock { $0.append(name) } }
        }
    }

    private let table = ConnectionTable(limits: .init(total: 4, perPeer: 2))
    private let closed = Closed()

    private func peer(_ text: String) -> IPPrefix? { ConnectionTable.peer(IPAddress(text)) }

    @Test func `a client with too many connections loses the one that is silent for longest`() {
        let a = peer("10.0.0.1")
        let first = table.open(a, close: closed.close("first"))
        _ = table.open(a, close: closed.close("second"))
        if let first { table.set(first, isBusy: false) }
        #expect(table.open(a, close: closed.close("third")) != nil)
        #expect(closed.all == ["second"] && table.count == 2)
    }

    @Test func `others keep theirs`() {
        _ = table.open(peer("10.0.0.9"), close: closed.close("other"))
        for number in 0..<100 {
            _ = table.open(peer("10.0.0.1"), close: closed.close("\(number)"))
        }
        #expect(!closed.all.contains("other") && table.count == 3)
    }

    @Test func `one host of IPv6 has a network of addresses and is one client`() {
        for number in 1...9 {
            _ = table.open(peer("2001:db8::\(number)"), close: closed.close("\(number)"))
        }
        #expect(table.count == 2)
        #expect(peer("2001:db8:0:1::1") != peer("2001:db8::1"))
        #expect(peer("::ffff:10.0.0.1") == peer("10.0.0.1"))
        #expect(peer("::ffff:10.0.0.1") != peer("::ffff:10.0.0.2"))
    }

    @Test func `who is being answered keeps his place, and who comes then has to go`() {
        let a = peer("10.0.0.1")
        for name in ["first", "second"] {
            if let id = table.open(a, close: closed.close(name)) { table.set(id, isBusy: true) }
        }
        #expect(table.open(a, close: closed.close("third")) == nil)
        #expect(closed.all.isEmpty && table.count == 2)
    }

    @Test func `when all places are taken the most silent of all goes`() {
        for number in 1...4 {
            _ = table.open(peer("10.0.0.\(number)"), close: closed.close("\(number)"))
        }
        let late = table.open(peer("10.0.0.9"), close: closed.close("late"))
        #expect(closed.all == ["1"] && table.count == 4)
        if let late { table.remove(late) }
        #expect(table.count == 3)
    }
}
