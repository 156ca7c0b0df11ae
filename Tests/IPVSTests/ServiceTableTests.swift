// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import Model
import Testing

@testable import IPVS

/// What command lines make of services, and the edits that come of it.
@Suite struct ServiceTableTests {
    @Test(arguments: [
        ("-b", ForwardingMode.fnat, "10.0.1.2:8080"), ("-g", .dr, "10.0.1.2:80"),
        ("", .dr, "10.0.1.2:80"), ("-i", .tunnel, "10.0.1.2:80"), ("-m", .nat, "10.0.1.2:8080"),
    ])
    func `the first real server decides how packets are forwarded`(
        option: String,
        mode: ForwardingMode,
        endpoint: String
    ) throws {
        var readings = try Readings("1")
        try readings.make("-At 10.0.0.100:80")
        try readings.make("-at 10.0.0.100:80 -r 10.0.1.2:8080 \(option)")
        let service = try #require(readings.readings.services.first?.service)
        #expect(service.mode == mode && service.scheduler == .wlc)
        #expect(service.backends.map { "\($0.endpoint)" } == [endpoint])
        #expect(service.backends[0].weight == 1)
    }

    @Test func `local addresses may come before or after the real servers`() throws {
        let local = "-Pt 10.0.0.100:80 -z 10.0.1.200 -F dpdk1"
        let server = "-at 10.0.0.100:80 -r 10.0.1.2 -b"
        var results: [Service] = []
        for lines in [[local, server], [server, local], [local, server, local]] {
            var readings = try Readings("1")
            try readings.make("-At 10.0.0.100:80")
            for line in lines { try readings.make(line) }
            results.append(try #require(readings.readings.services.first?.service))
            #expect(readings.readings.addresses.map { "\($0.prefix)" } == ["10.0.1.200/32"])
        }
        #expect(results[0] == results[1] && results[1] == results[2])
        #expect(results[0].mode == .fnat && results[0].localAddresses.count == 1)
        #expect(results[0].addressLack == nil && results[0].modeProblems.isEmpty)
    }

    @Test(arguments: [
        (
            "-at 10.0.0.100:80 -r 10.0.1.3 -g",
            "has FullNat servers, and a service has one forwarding mode"
        ),
        ("-at 10.0.0.100:80 -r 10.0.1.2 -b", "Destination already exists: 10.0.1.2:80"),
        ("-et 10.0.0.100:80 -r 10.0.1.9 -w 5", "No such destination: 10.0.1.9:80"),
        ("-dt 10.0.0.100:80 -r 10.0.1.9", "No such destination: 10.0.1.9:80"),
        ("-At 10.0.0.100:80", "Service already exists: tcp 10.0.0.100:80"),
        ("-Et 10.0.0.101:80 -s rr", "No such service: tcp 10.0.0.101:80"),
        ("-Dt 10.0.0.101:80", "No such service: tcp 10.0.0.101:80"),
        ("-at 10.0.0.101:80 -r 10.0.1.2", "No such service: tcp 10.0.0.101:80"),
        ("-Qt 10.0.0.100:80 -z 10.0.1.201", "No such local address: 10.0.1.201"),
        ("-at 10.0.0.100:80 -r 10.0.1.3 -J", "has FullNat servers"),
    ])
    func `what does not fit what is there is refused by a sentence`(
        words: String,
        says: String
    ) throws {
        var readings = try Readings("1")
        try readings.make("-At 10.0.0.100:80")
        try readings.make("-at 10.0.0.100:80 -r 10.0.1.2 -b")
        let before = readings.readings
        let complaint = #expect(throws: Complaint.self) { try readings.make(words) }
        #expect(complaint?.description.contains(says) == true, "\(String(describing: complaint))")
        #expect(complaint?.status == .problem && readings.readings == before)
    }

    @Test func `an edit keeps what it does not name`() throws {
        var readings = try Readings("1")
        try readings.make(
            "-At 10.0.0.100:80 -s conhash --hash-target sip -p 60 -M 255.255.255.0 --conn-timeout 90 "
                + "--proxy-protocol v2 --dest-check 3,5s --expire-quiescent"
        )
        try readings.make("-at 10.0.0.100:80 -r 10.0.1.2 -b -w 7 -x 100 -y 90")
        let before = try #require(readings.readings.services.first?.service)
        try readings.make("-Et 10.0.0.100:80 -p 120")
        try readings.make("-et 10.0.0.100:80 -r 10.0.1.2 -b -w 0")
        var expected = before
        expected.persistence?.timeout = .seconds(120)
        expected.backends[0].weight = 0
        #expect(readings.readings.services.first?.service == expected)
        try readings.make(
            "-Et 10.0.0.100:80 -p 0 --conn-timeout 0 --proxy-protocol disable --dest-check disable"
        )
        try readings.make("-et 10.0.0.100:80 -r 10.0.1.2 -x 0")
        let bare = try #require(readings.readings.services.first?.service)
        #expect(
            bare.persistence == nil && bare.connectionTimeout == nil && bare.clientAddress == nil
        )
        #expect(bare.protection.destCheck == nil && bare.backends[0].maxConnections == nil)
        #expect(bare.backends[0].minConnections == nil && bare.scheduler == .conhash)
    }

    @Test func `public addresses of SNAT are its real servers`() throws {
        let match = "-H proto=tcp,src-range=172.16.0.0-172.16.255.254,oif=dpdk1"
        var readings = try Readings("1")
        try readings.make("-A \(match) -s rr")
        try readings.make("-a \(match) -r 192.168.10.2:0 -w 100 -J")
        try readings.make("-a \(match) -r 192.168.10.4 -J")
        try readings.make("-d \(match) -r 192.168.10.2:0")
        let service = try #require(readings.readings.services.first?.service)
        #expect(
            service.mode == .snat && service.localAddresses.map(\.description) == ["192.168.10.4"]
        )
        let complaint = #expect(throws: Complaint.self) {
            try readings.make("-e \(match) -r 192.168.10.4 -J -w 0")
        }
        #expect(complaint?.description.contains("a public address has no weight") == true)
    }

    @Test(arguments: [
        (
            "-et 10.0.0.100:80 -r 10.0.1.2 -x 0",
            "-y 90 of 10.0.1.2:80 goes with -x: without that nobody is too full"
        ),
        (
            "-at 10.0.0.100:80 -r 10.0.1.3 -b -y 5",
            "-y 5 has no effect without -x: 10.0.1.3:80 is never too full"
        ),
        (
            "-a -H proto=tcp,af=ipv4 -r 192.168.10.2:8080 -w 7 -J",
            "-w 7 has no effect: public addresses of tcp 0.0.0.0/0 → 0.0.0.0/0 are used alike; "
                + "port 8080 of 192.168.10.2 has no effect: a public address has ports of its own"
        ),
        ("-et 10.0.0.100:80 -r 10.0.1.2 -w 3", ""),
    ])
    func `what is said and has no effect is told`(words: String, remarks: String) throws {
        var readings = try Readings("1")
        try readings.make("-At 10.0.0.100:80")
        try readings.make("-at 10.0.0.100:80 -r 10.0.1.2 -b -x 100 -y 90")
        try readings.make("-A -H proto=tcp,af=ipv4")
        try readings.make(words)
        #expect(readings.remarks.joined(separator: "; ") == remarks)
    }

    @Test func `a mask of persistence without persistence is refused`() throws {
        var readings = try Readings("1")
        for words in ["-At 10.0.0.1:80 -M 255.255.255.0", "-Et 10.0.0.2:80 -M 255.255.255.0"] {
            if words.hasPrefix("-E") { try readings.make("-At 10.0.0.2:80") }
            let complaint = #expect(throws: Complaint.self) { try readings.make(words) }
            #expect(complaint?.description.contains("it needs -p") == true)
            #expect(complaint?.status == .usage)
        }
        try readings.make("-Et 10.0.0.2:80 -p -M 255.255.255.0")
        try readings.make("-Et 10.0.0.2:80 -M 255.255.0.0")
        #expect(readings.readings.services.first?.service.persistence?.mask == 16)
    }

    @Test func `an address on an interface goes with its last service, and never a file's`() throws
    {
        var readings = try Readings("1")
        for port in [80, 81] {
            try readings.make("-At 10.0.0.100:\(port)")
            try readings.make("-Pt 10.0.0.100:\(port) -z 10.0.1.200 -F dpdk1")
        }
        try readings.make("-Qt 10.0.0.100:80 -z 10.0.1.200 -F dpdk1")
        #expect(readings.readings.addresses.count == 1)
        try readings.make("-Qt 10.0.0.100:81 -z 10.0.1.200 -F dpdk1")
        #expect(readings.readings.addresses.isEmpty)

        try readings.make("-Pt 10.0.0.100:80 -z 10.0.1.200 -F dpdk1")
        // It goes from where it is, whatever the script believes.
        try readings.make("-Qt 10.0.0.100:80 -z 10.0.1.200 -F dpdk0")
        #expect(readings.readings.addresses.isEmpty)
        for port in [80, 81] {
            try readings.make("-Pt 10.0.0.100:\(port) -z 10.0.1.200 -F dpdk1")
        }
        try readings.make("-Dt 10.0.0.100:80")
        #expect(readings.readings.addresses.count == 1)
        try readings.make("-Dt 10.0.0.100:81")
        #expect(readings.readings.addresses.isEmpty)
        try readings.make("-At 10.0.0.100:80")
        try readings.make("-Pt 10.0.0.100:80 -z 10.0.1.200 -F dpdk1")
        try readings.make("-C")
        #expect(readings.readings.addresses.isEmpty && readings.readings.services.isEmpty)
    }

    @Test func `what was saved is restored as the same`() throws {
        var readings = try Readings("1")
        for line in Self.rules.split(separator: "\n") { try readings.make(String(line)) }
        let saved = SaveText.lines(of: readings.readings)
        let text = RestoreText(saved)
        #expect(text.complaints.isEmpty && text.remarks.isEmpty)
        var table = ServiceTable(try Readings("1").draft, isRestoring: true)
        #expect(text.apply(to: &table).refused == [])
        var restored = try Readings("1")
        restored.take(table.draft)
        #expect(
            restored.readings.services.map(\.service) == readings.readings.services.map(\.service)
        )
        #expect(SaveText.omissions(of: readings.readings).isEmpty)
        // Over what is there, the same lines make the same.
        var again = ServiceTable(readings.draft, isRestoring: true)
        #expect(text.apply(to: &again).refused == [])
        #expect(again.draft.result == readings.layer)
    }

    private static let rules = """
        -A -t 10.0.0.100:80 -s rr
        -a -t 10.0.0.100:80 -r 192.168.100.2:80 -b -w 1
        -a -t 10.0.0.100:80 -r 192.168.100.3:80 -b -w 1 -x 100 -y 90
        -P -t 10.0.0.100:80 -z 192.168.100.200 -F dpdk1
        -A -u 192.0.2.7:53 -s lc -p 300 -M 255.255.255.0
        -a -u 192.0.2.7:53 -r 203.0.113.7:53 -i -w 1 --tun-type gue --tun-port 6081
        -A -u 192.0.2.8:53 -s rr --ops
        -A -f 1 -s rr -p 300
        -a -f 1 -r 203.0.113.1:0 -g -w 1
        -A -t [2001:db8::1]:80 -s mh -b mh-port,mh-fallback
        -a -t [2001:db8::1]:80 -r [2001:db8:2::80]:80 -m -w 100
        -A -t 10.0.0.1:0 -s sh -p 60
        -A -q 10.0.0.9:0 -s rr
        -A -u 192.0.2.80:443 -s conhash --hash-target qid --quic --conn-timeout 60
        -A -t 192.0.2.81:443 -s wlc --proxy-protocol v2 --expire-quiescent --dest-check 3,3,3s,60-3600s
        -A -H proto=tcp,src-range=172.16.0.0-172.16.255.254:1024-65535,oif=dpdk1 -s rr
        -a -H proto=tcp,src-range=172.16.0.0-172.16.255.254:1024-65535,oif=dpdk1 -r 192.168.10.2:0 -J
        -A -H proto=icmpv6,af=ipv6,iif=dpdk0 -s wlc
        -A -H proto=udp,dst-range=[2001:db8::1]-[2001:db8::9]:53-53 -s wlc
        """

    @Test func `every line that cannot be restored is named`() throws {
        let text = RestoreText(
            """
            # comment
            -A -t 10.0.0.1:80 -s nonsense

            ipvsadm -A -t 10.0.0.1:80
            -L
            -a -t 10.0.0.9:80 -r 10.0.1.2 -w l
            """
        )
        #expect(text.complaints.count == 3)
        #expect(text.complaints[0].hasPrefix("line 2: -s: 'nonsense' is no scheduler"))
        #expect(text.complaints[1].hasPrefix("line 5: this changes nothing"))
        #expect(text.complaints[2].hasPrefix("line 6: -w: 'l'"))
        var table = ServiceTable(try Readings("1").draft)
        let lines = RestoreText("# of Windows\r\n-a -t 10.0.0.9:80 -r 10.0.1.2\r\n")
        #expect(lines.apply(to: &table).refused == ["line 2: No such service: tcp 10.0.0.9:80"])
    }

    @Test func `what a restore does not say of a service is kept, what it could have said is not`()
        throws
    {
        var readings = try Readings("1")
        try readings.make("-At 10.0.0.100:80 -p 60")
        try readings.make("-at 10.0.0.100:80 -r 10.0.1.2 -b")
        try readings.make("-at 10.0.0.100:80 -r 10.0.1.3 -b")
        var draft = readings.draft
        var named = try #require(draft.services.first)
        named.name = "web"
        named.protection.maxConnections = 99
        draft.put(named)
        readings.take(draft)
        let all = readings.readings
        var table = ServiceTable(readings.draft, isRestoring: true)
        let lines = RestoreText(
            "-A -t 10.0.0.100:80 -s rr\n-a -t 10.0.0.100:80 -r 10.0.1.3:80 -b\n"
                + "-P -t 10.0.0.100:80 -z 10.0.1.200"
        )
        #expect(lines.apply(to: &table).refused == [])
        let service = try #require(table.draft.services.first)
        #expect(service.name == "web" && service.protection.maxConnections == 99)
        #expect(service.persistence == nil && service.scheduler == .rr)
        #expect(service.backends.map { "\($0.endpoint)" } == ["10.0.1.3:80"])
        #expect(
            SaveText.omissions(of: all) == [
                "service web (tcp 10.0.0.100:80): no command line says its name, limits; dpvs config "
                    + "export --all does"
            ]
        )
    }
}
