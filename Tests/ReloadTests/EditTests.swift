// SPDX-License-Identifier: Apache-2.0
import Addressing
import ConfigurationFiles
import FileTesting
import Foundation
import Model
import PacketTesting
import Reload
import Testing

/// Batches of edits over real service files, as the API applies them.
@Suite struct EditTests {
    private let directory: TemporaryDirectory
    private let executor = FakeExecutor()
    private let reloader: Reloader

    private static let web = """
        addresses:
          - { interface: eth0, address: 10.0.0.1/16 }
        services:
          - name: web
            address: 10.0.0.100
            port: 80
            localAddresses: [10.0.9.1-3]
            rateLimit: { connections: 1000, packets: 5000 }
            backends:
              - { address: 10.0.1.1, port: 8080, weight: 1 }
              - { address: 10.0.1.2, port: 8080, weight: 2 }

        """

    init() throws {
        directory = try TemporaryDirectory()
        try directory.makeDirectory("services.d")
        try directory.write("", to: "dpvs.conf")
        try directory.write(Self.web, to: "services.d/web.yaml")
        let loader = ConfigurationLoader(
            conf: directory.path + "/dpvs.conf",
            servicesDirectory: directory.path + "/services.d"
        )
        reloader = Reloader(source: FileSource(loader), executor: executor)
    }

    private func edit(
        _ text: String,
        at generation: UInt64? = nil,
        isDryRun: Bool = false
    ) async throws -> ReloadReport {
        let batch = EditBatch(Array(text.utf8), name: "request")
        return try await reloader.edit(
            reason: "edit",
            at: generation,
            isDryRun: isDryRun
        ) { layer, files in
            let result = batch.applied(to: layer, over: files)
            return EditResult(
                layer: result.layer,
                places: result.places,
                problems: result.diagnostics.map(Problem.init)
            )
        }
    }

    private func running() async -> Service? {
        await reloader.running.services.first { $0.name == "web" }
    }

    @Test func `a field is set, and null brings the default back`() async throws {
        _ = await reloader.reload(reason: "start")
        let report = try await edit(
            """
            edits:
              - set: { service: { name: web, scheduler: wlc, rateLimit: { packets: null } } }
            """
        )
        #expect(report.outcome == .applied && report.generation == 2)
        #expect(
            report.changes == [
                "service web (tcp 10.0.0.100:80): scheduler rr → wlc, "
                    + "packets a second 5000 → (none)"
            ]
        )
        let service = await running()
        #expect(service?.protection.rateLimit == RateLimit(connections: 1000))
        #expect(service?.localAddresses.count == 3)
    }

    @Test func `a backend is added, changed and removed; JSON is accepted`() async throws {
        _ = await reloader.reload(reason: "start")
        let report = try await edit(
            """
            {"edits": [
              {"add": {"backend": {"service": "web", "address": "10.0.1.3", "port": 8080}}},
              {"set": {"backend": {"service": "tcp 10.0.0.100:80", "address": "10.0.1.1",
                       "port": 8080, "weight": 0}}},
              {"put": {"backend": {"service": "web", "address": "10.0.1.3", "port": 8080,
                       "weight": 7}}},
              {"remove": {"backend": {"service": "web", "address": "10.0.1.2", "port": 8080}}}
            ]}
            """
        )
        #expect(report.problems == [] && report.outcome == .applied)
        #expect(await running()?.backends.map(\.weight) == [0, 7])
    }

    @Test func `a batch is applied as a whole or not at all, with all that is wrong`() async throws
    {
        _ = await reloader.reload(reason: "start")
        let report = try await edit(
            """
            edits:
              - set: { service: { name: web, scheduler: wlc } }
              - set: { service: { name: webb, scheduler: wlc } }
              - add: { service: { name: web, scheduler: wlc } }
              - set: { backend: { service: web, address: 10.0.1.9, weight: 1 } }
              - set: { backend: { service: web, address: 10.0.1.1, port: 8080, weight: 99999 } }
              - remove: { route: { to: 10.5.0.0/16 } }
              - sett: { service: { name: web } }
              - set: { servise: { name: web } }
              - set: { service: { name: web, nope: 3, scheduler: wwr, maxConnections: 0 } }
            """
        )
        #expect(report.outcome == .rejected)
        #expect(
            report.problems.map(\.description) == [
                "request:3:29: error: edits[1].set.service.name: 'webb' is no service; did you mean "
                    + "'web'? accepted: a service that is there; a new one has address and port",
                "request:4:21: error: edits[2].add.service: service web (tcp 10.0.0.100:80) is there "
                    + "already; accepted: set or put",
                "request:5:21: error: edits[3].set.backend: there is no backend 10.0.1.9:80 of "
                    + "service web (tcp 10.0.0.100:80); accepted: add or put",
                "request:6:76: error: edits[4].set.backend.weight: '99999' is not accepted here; "
                    + "accepted: 0...65535",
                "request:7:22: error: edits[5].remove.route: there is no route 10.5.0.0/16",
                "request:8:5: error: edits[6]: 'sett' is no verb of edits; did you mean 'set'? "
                    + "accepted: add, set, put, remove",
                "request:9:12: error: edits[7].set: 'servise' is no kind of edits; did you mean "
                    + "'service'? accepted: service, backend, interface, address, route, neighbour, "
                    + "set, deny",
                "request:10:34: error: edits[8].set.service: 'nope' is no key of a service; accepted: "
                    + ServiceFileSchema.service.keys.joined(separator: ", "),
                "request:10:54: error: edits[8].set.service.scheduler: 'wwr' is not accepted here; did "
                    + "you mean 'wrr'? accepted: one of rr, wrr, lc, wlc, sed, nq, fo, mh, "
                    + "conhash, sh, dh",
                "request:10:75: error: edits[8].set.service.maxConnections: '0' is not accepted here; "
                    + "accepted: 1...4294967295",
            ]
        )
        #expect(await running()?.scheduler == .rr)
        #expect(await reloader.generation == 1)
        #expect(await reloader.runtimeLayer.isEmpty)
        #expect(await reloader.status().lastReload?.outcome == .applied, "the files are as good")
    }

    @Test func `what makes no sense together is said as it is of files`() async throws {
        _ = await reloader.reload(reason: "start")
        let report = try await edit(
            """
            edits:
              - add:
                  service: { address: 10.0.0.101, port: 80, mode: dr, scheduler: fo, slowStart: 5s }
              - put: { backend: { service: web, address: 10.0.0.100, port: 80 } }
            """
        )
        #expect(report.outcome == .rejected)
        #expect(
            report.problems.map(\.description) == [
                "request:4:21: error: service web (tcp 10.0.0.100:80).backends[2]: '10.0.0.100' is an "
                    + "address of the balancer itself",
                "request:3:85: error: edits[0].add.service.slowStart: '5s' does not fit scheduler fo; "
                    + "accepted: no slow start: one backend takes all",
            ]
        )
    }

    @Test func `a key is no field that an edit can change`() async throws {
        _ = await reloader.reload(reason: "start")
        let report = try await edit(
            "edits: [{ set: { service: { name: web, port: 81 } } }]"
        )
        #expect(report.outcome == .rejected)
        #expect(report.problems.first?.message.contains("would make another service of it") == true)
    }

    @Test func `objects of every kind come and go`() async throws {
        _ = await reloader.reload(reason: "start")
        let add = """
            edits:
              - add: { interface: { vlan: { link: eth0, id: 7 } } }
              - add: { interface: { name: t1, tunnel: { kind: gre, remote: 10.0.3.3, key: 5 } } }
              - add: { address: { interface: eth0.7, address: 10.7.0.1/24 } }
              - add: { route: { to: default, via: 10.0.0.254 } }
              - add: { neighbour: { interface: eth0, address: 10.0.0.9, mac: "02:00:00:00:00:09" } }
              - set: { interface: { name: eth0.7, vlan: { priority: 3 } } }
              - set: { interface: { name: t1, tunnel: { ttl: 9 } } }
            """
        let report = try await edit(add)
        #expect(report.problems == [])
        let state = await reloader.running
        #expect(state.vlans.map(\.priority) == [3] && state.tunnels.map(\.timeToLive) == [9])
        #expect(state.tunnels.map(\.input.key) == [5])
        #expect(state.addresses.count == 2 && state.routes.count == 1)
        #expect(state.neighbours.count == 1)
        let remove = """
            edits:
              - remove: { neighbour: { interface: eth0, address: 10.0.0.9 } }
              - remove: { route: { to: 0.0.0.0/0 } }
              - remove: { address: { interface: eth0.7, address: 10.7.0.1 } }
              - remove: { interface: { name: eth0.7 } }
              - remove: { interface: { name: t1 } }
            """
        #expect(try await edit(remove).problems == [])
        #expect(await reloader.runtimeLayer.isEmpty)
        #expect(await reloader.drift() == [])
    }

    @Test func `two writers do not overwrite each other`() async throws {
        _ = await reloader.reload(reason: "start")
        let text = "edits: [{ set: { service: { name: web, scheduler: wlc } } }]"
        #expect(try await edit(text, at: 1).outcome == .applied)
        await #expect(throws: GenerationMismatch(wanted: 1, running: 2)) {
            _ = try await edit("edits: [{ set: { service: { name: web, scheduler: mh } } }]", at: 1)
        }
        #expect(await running()?.scheduler == .wlc)
    }

    @Test func `a dry run tells and does nothing`() async throws {
        _ = await reloader.reload(reason: "start")
        let text = "edits: [{ set: { service: { name: web, scheduler: wlc } } }]"
        let report = try await edit(text, isDryRun: true)
        #expect(report.isDryRun && report.outcome == .applied && report.changes.count == 1)
        #expect(await reloader.generation == 1 && executor.applied.count == 1)
        #expect(await reloader.status().lastReload?.isDryRun == false)
    }

    @Test func `an edit lasts over reloads until its file says something new of the field`()
        async throws
    {
        _ = await reloader.reload(reason: "start")
        _ = try await edit(
            "edits: [{ set: { backend: { service: web, address: 10.0.1.1, port: 8080, weight: 0 } } }]"
        )
        try directory.write(
            Self.web.replacing("weight: 2", with: "weight: 3"),
            to: "services.d/web.yaml"
        )
        _ = await reloader.reload(reason: "file")
        #expect(await running()?.backends.map(\.weight) == [0, 3])
        #expect(await reloader.drift().map(\.detail) == ["backend 10.0.1.1:8080 weight 1 → 0"])
        try directory.write(
            Self.web.replacing("weight: 1", with: "weight: 5"),
            to: "services.d/web.yaml"
        )
        let report = await reloader.reload(reason: "file")
        #expect(await running()?.backends.map(\.weight) == [5, 2])
        #expect(report.problems.contains { $0.message.contains("says something new about weight") })
        #expect(await reloader.drift() == [])
    }

    @Test func `a rollback returns to the edits of its time`() async throws {
        _ = await reloader.reload(reason: "start")
        _ = try await edit("edits: [{ set: { service: { name: web, scheduler: wlc } } }]")
        _ = try await edit("edits: [{ set: { service: { name: web, scheduler: mh } } }]")
        _ = await reloader.rollback(to: 2)
        #expect(await running()?.scheduler == .wlc)
        _ = try await edit("edits: [{ set: { service: { name: web, connectionTimeout: 9s } } }]")
        #expect(await running()?.scheduler == .wlc)
        _ = await reloader.rollback(to: 1)
        #expect(await reloader.runtimeLayer.isEmpty)
    }

    @Test func `a directory of service files that goes away takes nothing with it`() async throws {
        _ = await reloader.reload(reason: "start")
        let (folder, aside) = (directory.path + "/services.d", directory.path + "/aside")
        try FileManager.default.moveItem(atPath: folder, toPath: aside)
        for _ in 0..<2 {
            let report = await reloader.reload(reason: "file")
            #expect(report.outcome == .rejected)
            #expect(report.problems.contains { $0.message.contains("had service files") })
            #expect(await reloader.running.services.count == 1)
        }
        try FileManager.default.moveItem(atPath: aside, toPath: folder)
        #expect(await reloader.reload(reason: "file").outcome == .unchanged)
        try FileManager.default.removeItem(atPath: folder + "/web.yaml")
        #expect(await reloader.reload(reason: "file").outcome == .applied)
        #expect(await reloader.running.services.isEmpty)
    }

    @Test func `edits of an earlier run that cannot be kept do not prevent a start`() async throws {
        var layer = RuntimeLayer()
        // Its name is that of the file's service.
        layer.put(Service.sample("web", port: 81), files: nil)
        // This one fits.
        layer.put(
            Route(destination: .any(.ipv4), gateway: .v4(IPv4Address(10, 0, 0, 254))),
            files: nil
        )
        let loader = ConfigurationLoader(
            conf: directory.path + "/dpvs.conf",
            servicesDirectory: directory.path + "/services.d"
        )
        let reloader = Reloader(source: FileSource(loader), executor: executor, edits: layer)
        let report = await reloader.reload(reason: "start")
        #expect(report.outcome == .applied)
        #expect(
            report.problems.first?.message.contains("service web (tcp 10.0.0.100:81) is dropped")
                == true
        )
        #expect(await reloader.running.services.count == 1)
        #expect(await reloader.running.routes.count == 1, "what fits is kept")
        #expect(await reloader.runtimeLayer.edits.map(\.title) == ["route 0.0.0.0/0"])
        #expect(await reloader.hasDroppedEdits)
    }

    @Test func `a file of edits that is cut off anywhere is none`() throws {
        var layer = RuntimeLayer()
        layer.put(Service.sample("new", port: 81, weights: [1, 2]), files: nil)
        let text = Array(EditFile.text(of: layer).utf8)
        for length in 0..<text.count - 1 {
            let file = EditFile(Array(text.prefix(length)), path: "edits.yaml")
            #expect(!file.diagnostics.isEmpty && file.layer.isEmpty, "\(length)")
        }
    }

    @Test func `thousands of edits in one batch are applied in a moment`() async throws {
        _ = await reloader.reload(reason: "start")
        var lines = ["edits:"]
        for number in 1...2000 {
            lines.append(
                "  - put: { backend: { service: web, address: 10.1.\(number / 250).\(number % 250 + 1) } }"
            )
            lines.append(
                "  - add: { service: { address: 10.0.0.100, port: \(number + 1000), mode: dr } }"
            )
        }
        let report = try await edit(lines.joined(separator: "\n"))
        #expect(report.problems.errors == [])
        #expect(await reloader.running.services.count == 2001)
        #expect(await running()?.backends.count == 2002)
    }

    // MARK: - Documents

    @Test(arguments: 0..<UInt64(60))
    func `what is written is read back as the same`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var state = DesiredState.random(&generator).owned(by: .runtime)
        state.settings = Settings()
        let layer = RuntimeLayer(base: DesiredState(), wanted: state)
        let text = EditFile.text(of: layer)
        let file = EditFile(Array(text.utf8), path: "edits.yaml")
        #expect(file.diagnostics == [])
        #expect(file.layer == layer)
    }

    @Test func `a secret is kept in the file of edits and shown to nobody else`() throws {
        var service = Service.sample("dns", port: 53)
        let key = try #require(QUICKey(hexadecimal: "000102030405060708090a0b0c0d0e0f"))
        service.quic = QUICOptions(configurations: [
            .init(id: 1, serverIDLength: 4, nonceLength: 4, key: key)
        ])
        service.name = "on"
        var layer = RuntimeLayer()
        layer.put(service, files: nil)
        let text = EditFile.text(of: layer)
        #expect(EditFile(Array(text.utf8), path: "edits.yaml").layer == layer)
        let shown = ServiceFileWriter().text(of: layer.wanted)
        #expect(!shown.contains("0001020304") && shown.contains("(secret)"))
        #expect(shown.contains("name: \"on\""))
    }
}
