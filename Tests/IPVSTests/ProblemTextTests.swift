// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import Model
import Testing

@testable import IPVS

/// What is wrong with services, in the words of command lines.
@Suite struct ProblemTextTests {
    private static let lines = """
        -A -t 10.0.0.100:80 -s rr
        # Between them.
        -a -t 10.0.0.100:80 -r 10.0.1.2 -b
        -a -t 10.0.0.100:80 -r 10.0.1.3:8080 -b -w 5
        -P -t 10.0.0.100:80 -z 10.0.1.200 -F dpdk1
        -A -H proto=tcp,af=ipv4
        -a -H proto=tcp,af=ipv4 -r 192.168.10.2 -J
        -U -t 10.0.0.100:80 -k 10.0.9.9
        """

    private func text() throws -> ProblemText {
        let text = RestoreText(Self.lines)
        var table = ServiceTable(try Readings("1").draft, isRestoring: true)
        #expect(text.apply(to: &table).refused == [])
        return ProblemText(table, text.lines)
    }

    @Test(arguments: [
        ("draft[0].port", "is taken", "line 1: -t: is taken"),
        ("draft[0]", "is there twice", "line 1: tcp 10.0.0.100:80: is there twice"),
        ("draft[0].scheduler", "fits nobody", "line 1: -s: fits nobody"),
        ("draft[0].clientAddress", "needs mode fnat", "line 1: --proxy-protocol: needs -b"),
        ("draft[0].backends[0]", "has another port", "line 3: -r: has another port"),
        (
            "draft[0].backends[1].minConnections", "is above maxConnections",
            "line 4: -y: is above -x"
        ),
        ("draft[0].backends[1].weight", "weighs nothing", "line 4: -w: weighs nothing"),
        (
            "draft[0].localAddresses", "'10.0.1.200' is there twice",
            "line 5: -z: '10.0.1.200' is there twice"
        ),
        ("draft[0].deny", "'10.0.9.9' is there twice", "line 8: -k: '10.0.9.9' is there twice"),
        ("draft[1].interface", "is no device", "line 5: -F: is no device"),
        (
            "draft[2].localAddresses", "'192.168.10.2' is there twice",
            "line 7: -r: '192.168.10.2' is there twice"
        ),
        ("draft[2].match", "is no device", "line 6: -H: is no device"),
    ])
    func `a mistake is told with the line and the option`(
        path: String,
        message: String,
        says: String
    ) throws {
        let problem = Problem(.error, "\(path): \(message)", path: path)
        #expect(try text().sentence(problem) == says)
    }

    @Test func `what is wrong elsewhere keeps its place, and a warning says that it is one`() throws
    {
        let text = try text()
        let other = Problem(
            .error,
            at: "web.yaml:3:5",
            "services[1].port: is taken",
            path: "services[1].port"
        )
        #expect(text.sentence(other) == "web.yaml:3:5: services[1].port: is taken")
        let warning = Problem(
            .warning,
            "draft[0].localAddresses: is empty: new connections are dropped",
            path: "draft[0].localAddresses"
        )
        #expect(
            text.sentence(warning)
                == "line 1: warning: tcp 10.0.0.100:80 has no local address (-P): new connections are "
                + "dropped"
        )
    }
}
