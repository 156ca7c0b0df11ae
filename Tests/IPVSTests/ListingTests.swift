// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import Model
import Testing

@testable import IPVS

/// What is printed, compared with what DPVS prints.
@Suite struct ListingTests {
    @Test func `services and real servers stand in the columns that scripts cut out`() throws {
        var readings = try Readings("1.9.5")
        try readings.make("-At 192.168.88.100:80 -s wrr")
        try readings.make("-at 192.168.88.100:80 -r 192.168.88.30:80 -b -w 101")
        try readings.make(
            "-At 192.168.88.1:80 -p -M 255.255.255.0 --conn-timeout 60 --proxy-protocol v2 "
                + "--expire-quiescent --dest-check default"
        )
        try readings.make("-at 192.168.88.1:80 -r 192.168.88.215:80 -b")
        try readings.make("-at 192.168.88.1:80 -r 192.168.88.216:80 -b -w 5")
        try readings.make("-Au 239.1.1.1:11111 -s rr --ops")
        try readings.make("-au 239.1.1.1:11111 -r 172.16.0.4 -i")
        try readings.make("-Au [2001::1]:443 -s conhash --hash-target qid --quic")
        try readings.make("-au [2001::1]:443 -r [2001::51]:443 -g -w 100")
        try readings.make("-Af 7")
        try readings.make("-A -H proto=icmp,src-range=172.16.0.0-172.16.255.254,oif=dpdk1 -s rr")
        for last in [2, 4] {
            try readings.make(
                "-a -H proto=icmp,src-range=172.16.0.0-172.16.255.254,oif=dpdk1 -r 192.168.10.\(last):0 -J"
            )
        }
        var all = readings.readings
        all.services[1].backends[0].isInhibited = true
        all.services[1].backends[1].isFull = true
        // A full backend that is drained, too.
        all.services[1].service.backends[1].weight = 0
        all.services[1].backends[1].activeConnections = 12
        all.services[1].backends[1].inactiveConnections = 3
        let expected = """
            IP Virtual Server version 1.9.5 (size=0)
            Prot LocalAddress:Port Scheduler Flags
              -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
            TCP  192.168.88.100:80 wrr
              -> 192.168.88.30:80             FullNat 101    0          0
            TCP  192.168.88.1:80 wlc persistent 360 mask 255.255.255.0 conn-timeout 60 ppv2 expire-quiescent dest-check internal:default
              -> 192.168.88.215:80            FullNat 1      0          0          inhibited
              -> 192.168.88.216:80            FullNat 0      12         3          overload
            UDP  239.1.1.1:11111 rr ops
              -> 172.16.0.4:11111             Tunnel  1      0          0
            UDP  [2001::1]:443 conhash qid quic
              -> [2001::51]:443               Route   100    0          0
            FWM  7 wlc
            MATCH icmp,from=172.16.0.0-172.16.255.254:0-0,oif=dpdk1 rr
              -> 192.168.10.2:0               SNAT    1      0          0
              -> 192.168.10.4:0               SNAT    1      0          0

            """
        #expect(Listing(all, .connections).text == expected)
    }

    @Test(arguments: [(false, "   1409M", "  140907K"), (true, " 1409000123", " 140907000")])
    func `what was counted stands right-aligned, in units or in full`(
        isExact: Bool,
        service: String,
        server: String
    ) throws {
        var readings = try Readings("1.9.6")
        try readings.make("-Au 172.30.1.4:67")
        try readings.make("-au 172.30.1.4:67 -r 172.30.1.11 -b")
        var all = readings.readings
        all.services[0].traffic = TrafficReading(4_858_873, 4_858_873, 0, 1_409_000_123, 0)
        all.services[0].backends[0].traffic = TrafficReading(485_887, 485_887, 0, 140_907_000, 0)
        let text = Listing(all, .statistics, isExact: isExact).text
        let expected = """
            IP Virtual Server version 1.9.6 (size=0)
            Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
              -> RemoteAddress:Port
            UDP  172.30.1.4:67                 4858873  4858873        0\(isExact ? service : " \(service)")        0
              -> 172.30.1.11:67                 485887   485887        0\(server)        0

            """
        #expect(text == expected)
        // As monitoring scripts read it.
        let fields = text.split(separator: "\n").dropFirst(3).map { $0.split(separator: " ") }
        #expect(fields.map(\.count) == [7, 7] && fields[0][0] == "UDP" && fields[1][0] == "->")
    }

    @Test func `every listing begins with three lines`() throws {
        var readings = try Readings("1.9.6")
        try readings.make("-At 192.168.88.1:80")
        try readings.make("-at 192.168.88.1:80 -r 192.168.88.215 -b -w 7 -x 20000 -y 18000")
        var all = readings.readings
        all.services[0].backends[0].persistentClients = 9
        all.services[0].backends[0].activeConnections = 4
        #expect(
            Listing(all, .rates).text == """
                IP Virtual Server version 1.9.6 (size=0)
                Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS
                  -> RemoteAddress:Port
                TCP  192.168.88.1:80                     0        0        0        0        0
                  -> 192.168.88.215:80                   0        0        0        0        0

                """
        )
        #expect(
            Listing(all, .thresholds).text == """
                IP Virtual Server version 1.9.6 (size=0)
                Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn
                  -> RemoteAddress:Port
                TCP  192.168.88.1:80 wlc
                  -> 192.168.88.215:80            20000      18000      4          0

                """
        )
        #expect(
            Listing(all, .persistence).text == """
                IP Virtual Server version 1.9.6 (size=0)
                Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn
                  -> RemoteAddress:Port
                TCP  192.168.88.1:80 wlc
                  -> 192.168.88.215:80            7         9           4          0

                """
        )
        all.timeouts.tcp = 90
        all.timeouts.tcpFin = 7
        all.timeouts.udp = 300
        #expect(Listing(all, .timeouts).text == "Timeout (tcp tcpfin udp): 90 7 300\n")
    }

    @Test func `rates are what was counted in between`() throws {
        var readings = try Readings("1")
        try readings.make("-At 192.168.88.1:80")
        try readings.make("-at 192.168.88.1:80 -r 192.168.88.215 -b")
        let first = readings.readings
        var second = first
        second.services[0].traffic = TrafficReading(10, 20, 30, 4000, 5000)
        second.services[0].backends[0].traffic = TrafficReading(10, 20, 30, 4000, 5000)
        let rates = second.rates(since: first, seconds: 2)
        #expect(rates.services[0].traffic == TrafficReading(5, 10, 15, 2000, 2500))
        #expect(rates.services[0].backends[0].traffic == TrafficReading(5, 10, 15, 2000, 2500))
        // Zeroed in between.
        #expect(first.rates(since: second, seconds: 1).services[0].traffic == TrafficReading())
    }

    @Test func `services stand in the order of their addresses, marks and matches last`() throws {
        var readings = try Readings("1")
        for words in [
            "-Af 7", "-Au 10.0.0.1:53", "-At [2001::1]:80", "-At 10.0.0.2:80", "-At 10.0.0.1:443",
            "-A -H proto=tcp,af=ipv4", "-At 10.0.0.1:80",
        ] { try readings.make(words) }
        try readings.make("-at 10.0.0.1:80 -r 10.0.1.3")
        try readings.make("-at 10.0.0.1:80 -r 10.0.1.2 -w 5")
        let sorted = readings.readings.sorted
        let names = sorted.services.map { $0.service.key.line }
        #expect(
            names == [
                "TCP  10.0.0.1:80", "TCP  10.0.0.1:443", "TCP  10.0.0.2:80", "TCP  [2001::1]:80",
                "UDP  10.0.0.1:53", "FWM  7", "MATCH tcp",
            ]
        )
        #expect(sorted.services[0].service.backends.map(\.weight) == [5, 1])
    }

    @Test func `local addresses stand below their service`() throws {
        var readings = try Readings("1")
        try readings.make("-At 192.168.100.254:80")
        for last in [200, 201] {
            try readings.make("-Pt 192.168.100.254:80 -z 192.168.100.\(last) -F dpdk0")
        }
        #expect(
            AddressListing.localAddresses(of: readings.readings) == """
                VIP:VPORT            TOTAL    SNAT_IP              CONFLICTS  CONNS
                192.168.100.254:80   2
                                              192.168.100.200      0          0
                                              192.168.100.201      0          0

                """
        )
        #expect(
            AddressListing.clients(.allowed, of: readings.readings)
                == "PROTO    VIP:VPORT                      WHITELIST\n"
        )
        try readings.make("-Ut 192.168.100.254:80 -k 192.168.88.115")
        try readings.make("-Ut 192.168.100.254:80 -k ipset:denyset")
        #expect(
            AddressListing.clients(.denied, of: readings.readings) == """
                PROTO    VIP:VPORT                      BLACKLIST
                TCP      192.168.100.254:80             192.168.88.115
                TCP      192.168.100.254:80             ipset:denyset

                """
        )
        let saved = SaveText.lines(of: readings.readings)
        #expect(saved.contains("-U -t 192.168.100.254:80 -k 192.168.88.115\n"), "\(saved)")
    }
}

extension TrafficReading {
    /// In the order of the columns.
    init(
        _ connections: UInt64,
        _ packetsIn: UInt64,
        _ packetsOut: UInt64,
        _ bytesIn: UInt64,
        _ bytesOut: UInt64
    ) {
        self.init()
        self.connections = connections
        self.packetsIn = packetsIn
        self.packetsOut = packetsOut
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
    }
}

/// Services that command lines make, with nothing counted.
struct Readings {
    private(set) var readings: ServiceReadings
    private(set) var layer = RuntimeLayer()
    /// What the latest command line said that has no effect.
    private(set) var remarks: [String] = []

    init(_ version: String) throws { readings = ServiceReadings(version: version, generation: 1) }

    var draft: ServiceDraft {
        ServiceDraft(layer, files: DesiredState(), running: DesiredState())
    }

    /// Carries a command line out as if its edits had been applied.
    mutating func make(_ words: String) throws {
        guard
            case .change(let change) = try Request(words.split(separator: " ").map(String.init))
                .action
        else {
            Issue.record("\(words) changes nothing")
            return
        }
        var table = ServiceTable(draft)
        try table.apply(change)
        remarks = table.remarks
        take(table.draft)
    }

    /// Makes what a draft says what runs.
    mutating func take(_ draft: ServiceDraft) {
        layer = draft.result
        let state = layer.laid(over: DesiredState()).state
        readings.services = state.services.map { service in
            var reading = ServiceReading(service)
            reading.backends = service.targets.map {
                BackendReading(
                    endpoint: $0.endpoint,
                    role: $0.weight > 0 ? .serving : .draining
                )
            }
            return reading
        }
        readings.addresses = state.addresses
    }
}
