// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import Testing

@testable import HealthChecking

@Suite struct ConversationTests {
    private func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

    // MARK: - TCP and UDP

    @Test func `a connection that opens is enough where nothing is said`() {
        var talk = StreamConversation(.init())
        #expect(talk.begin() == .finish(.good))
    }

    @Test func `what is sent without an answer being asked for is good once it is sent`() {
        var talk = StreamConversation(.init(send: octets("PING")))
        #expect(talk.begin() == .sendAndFinish(octets("PING")))
    }

    @Test func `an answer may come in pieces`() {
        var talk = StreamConversation(.init(send: octets("PING\r\n"), expect: octets("+PONG")))
        #expect(talk.begin() == .send(octets("PING\r\n")))
        #expect(talk.receive(octets("+PO")) == .wait)
        #expect(talk.receive(octets("NG\r\n")) == .finish(.good))
    }

    @Test func `another answer is bad when the backend has said all or the time is over`() {
        var talk = StreamConversation(.init(expect: octets("+OK")))
        #expect(talk.begin() == .wait)
        #expect(talk.giveUp() == .bad("no answer in time"))
        #expect(talk.receive(octets("-ERR")) == .wait)
        #expect(talk.giveUp() == .bad("another answer") && talk.end() == .bad("another answer"))
    }

    @Test func `a backend that expects the PROXY protocol gets its header first`() {
        var first = StreamConversation(.init(), greeting: ProxyGreeting.version1)
        #expect(first.begin() == .sendAndFinish(octets("PROXY UNKNOWN\r\n")))
        var second = HTTPConversation(
            .init(),
            authority: "10.0.1.2",
            greeting: ProxyGreeting.version2
        )
        guard case .send(let sent) = second.begin() else {
            Issue.record("nothing is sent")
            return
        }
        // Version and command, family, and a length of 0 follow the signature.
        #expect(Array(sent[12..<16]) == [0x20, 0, 0, 0])
        #expect(Array(sent[16..<19]) == octets("GET"))
    }

    @Test func `silence over UDP is good unless an answer is asked for`() {
        var talk = DatagramConversation(.init())
        #expect(talk.begin() == .send([]))
        #expect(talk.giveUp() == .good)
        var asking = DatagramConversation(.init(send: [1], expect: [2, 3]))
        #expect(asking.begin() == .send([1]))
        #expect(asking.giveUp() == .bad("no answer in time"))
        #expect(asking.receive([1, 2, 3, 4]) == .finish(.good))
        #expect(asking.receive([9]) == .finish(.bad("another answer")))
    }

    // MARK: - HTTP

    private func http(
        _ answers: String...,
        of question: HealthProbe.HTTP = .init()
    ) -> ProbeResult {
        var talk = HTTPConversation(question, authority: "10.0.1.2:8080")
        _ = talk.begin()
        for answer in answers {
            if case .finish(let result) = talk.receive(octets(answer)) { return result }
        }
        return talk.end()
    }

    @Test func `the request names path and host and asks for the end`() {
        var talk = HTTPConversation(
            .init(method: .head, path: "/healthz?deep=1", host: "www.example.com"),
            authority: "10.0.1.2"
        )
        guard case .send(let sent) = talk.begin() else {
            Issue.record("nothing is sent")
            return
        }
        let text = String(decoding: sent, as: UTF8.self)
        #expect(text.hasPrefix("HEAD /healthz?deep=1 HTTP/1.1\r\nHost: www.example.com\r\n"))
        #expect(text.contains("Connection: close\r\n") && text.hasSuffix("\r\n\r\n"))
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\n", ProbeResult.good), ("HTTP/1.0 399\r\n", .good),
        ("HTTP/1.1 503 Service Unavailable\r\n", .bad("status 503")),
        ("HTTP/1.1 404 Not Found\r\n\r\n", .bad("status 404")), ("SSH-2.0-x\r\n", .bad("no HTTP")),
        ("HTTP/1.1 20", .bad("half an answer")),
        ("", .bad("closed the connection without an answer")),
    ])
    func `the status line decides`(answer: String, result: ProbeResult) {
        #expect(http(answer) == result)
    }

    @Test func `a status line may come octet by octet`() {
        var talk = HTTPConversation(.init(), authority: "10.0.1.2")
        _ = talk.begin()
        let steps = octets("HTTP/1.1 204 No Content\r\n").map { talk.receive([$0]) }
        #expect(steps.dropLast().allSatisfy { $0 == .wait } && steps.last == .finish(.good))
    }

    @Test func `a body that is asked for must come, and headers do not count`() {
        let question = HealthProbe.HTTP(expect: octets("ready"))
        let head = "HTTP/1.1 200 OK\r\nX-State: ready\r\n\r\n"
        #expect(http(head, "not yet", of: question) == .bad("another body"))
        #expect(http(head, "rea", "dy", of: question) == .good)
    }

    @Test func `an endless answer is not read for ever`() {
        let much = String(repeating: "x", count: mostAnswer)
        let question = HealthProbe.HTTP(expect: octets("ready"))
        #expect(http("HTTP/1.1 200 OK\r\n\r\n", much, of: question) == .bad("another body"))
        #expect(http("HTTP/1.1 " + much) == .bad("no HTTP"))
    }

    // MARK: - SMTP

    @Test func `a mail server greets, is greeted, and is left in peace`() {
        var talk = SMTPConversation("me.example")
        #expect(talk.begin() == .wait)
        #expect(talk.receive(octets("220-mx.example\r\n220 ")) == .wait)
        #expect(talk.receive(octets("ESMTP\r\n")) == .send(octets("HELO me.example\r\n")))
        #expect(talk.receive(octets("250 hello\r\n")) == .sendAndFinish(octets("QUIT\r\n")))
    }

    @Test(arguments: [("421 busy\r\n", "421"), ("554 no\n", "554")])
    func `a mail server that is not at home is bad`(answer: String, code: String) {
        var talk = SMTPConversation("me.example")
        #expect(talk.receive(octets(answer)) == .finish(.bad("answers \(code)")))
        #expect(talk.end() == .bad("closed the connection without an answer"))
    }

    // MARK: - DNS

    @Test func `a query has one question of the type and name that were asked for`() {
        var talk = DNSConversation(.init(name: "a.bc", record: .aaaa), identifier: 0x1234)
        let question: [UInt8] = [1, 0x61, 2, 0x62, 0x63, 0, 0, 28, 0, 1]
        let head: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        #expect(talk.begin() == .send(head + question))
        var root = DNSConversation(.init(), identifier: 0x1234)
        #expect(root.begin() == .send(head + [0, 0, 6, 0, 1]))
    }

    @Test func `an answer counts by its code, and only to its own question`() {
        var talk = DNSConversation(.init(), identifier: 0x1234)
        func answer(_ first: UInt8, _ second: UInt8, flags: UInt8, code: UInt8) -> [UInt8] {
            [first, second, flags, code, 0, 1, 0, 0, 0, 0, 0, 0]
        }
        #expect(talk.receive(answer(0x12, 0x35, flags: 0x81, code: 0)) == .wait)
        #expect(talk.receive(answer(0x12, 0x34, flags: 0x01, code: 0)) == .wait)
        #expect(talk.receive([0x12, 0x34, 0x81]) == .wait)
        #expect(talk.receive(answer(0x12, 0x34, flags: 0x81, code: 0x80)) == .finish(.good))
        let refused = talk.receive(answer(0x12, 0x34, flags: 0x81, code: 5))
        #expect(refused == .finish(.bad("answers REFUSED")))
    }

    // MARK: - Ping

    @Test func `an echo reply is ours by its token, with or without an IP header`() {
        let request = EchoMessage(7, 8, 0xDEAD_BEEF).request(.ipv4)
        var reply = request
        reply[0] = 0
        #expect(EchoMessage(reply: reply, .ipv4) == EchoMessage(7, 8, 0xDEAD_BEEF))
        let header: [UInt8] = [0x45] + Array(repeating: 0, count: 19)
        #expect(EchoMessage(reply: header + reply, .ipv4) == EchoMessage(7, 8, 0xDEAD_BEEF))
        #expect(EchoMessage(reply: request, .ipv4) == nil, "a request")
        #expect(EchoMessage(reply: Array(reply.dropLast()), .ipv4) == nil)
        var sixth = EchoMessage(7, 8, 1).request(.ipv6)
        #expect(sixth[0] == 128 && sixth[2] == 0, "the kernel makes the checksum")
        sixth[0] = 129
        #expect(EchoMessage(reply: sixth, .ipv6)?.token == 1)
    }

    @Test func `the checksum of a request adds up`() {
        let request = EchoMessage(0xFFFF, 0x8001, 0x0102_0304).request(.ipv4)
        let sum = stride(from: 0, to: request.count, by: 2)
            .reduce(UInt32(0)) { $0 + UInt32(request[$1]) << 8 + UInt32(request[$1 + 1]) }
        #expect((sum & 0xFFFF) + sum >> 16 == 0xFFFF)
    }
}
