// SPDX-License-Identifier: Apache-2.0
import ConfigurationFiles
import Model
import Testing
import YAML

/// What dpvs makes of the files that the chart mounts.
@Suite(.enabled(if: Chart.isHelmThere, "scripts/chart-tools brings helm"))
struct ConfigurationTests {
    /// The files as the kubelet lays them out, and the arguments of dpvs for `pod`.
    private func load(_ objects: [YAMLNode], pod: String? = nil) throws -> LoadedConfiguration {
        let maps = Dictionary(
            uniqueKeysWithValues: objects.of("ConfigMap")
                .compactMap { map in
                    map["metadata.name"]?.text.map { ($0, map["data"]?.texts ?? [:]) }
                }
        )
        let volumes = try #require(try objects.pod()["spec.volumes"]).list
        let config = try #require(volumes.first { $0["name"]?.text == "config" })
        var files: [String: String] = [:]
        for source in try #require(config["projected.sources"]).list {
            let data = try #require(maps[source["configMap.name"]?.text ?? ""])
            let items = source["configMap.items"]?.list.map(\.texts)
            for item in items ?? data.keys.map({ ["key": $0, "path": $0] }) {
                let (key, path) = (try #require(item["key"]), try #require(item["path"]))
                let text: String = try #require(data[key])
                files["/etc/dpvs/\(path)"] = text
            }
        }
        let words = try #require(try objects.container()["args"]).list.compactMap(\.text)
        func option(_ name: String) throws -> String {
            let word = try #require(words.first { $0.hasPrefix("--\(name)=") })
            return String(word.dropFirst(name.count + 3))
                .replacing("$(NODE_NAME)", with: pod ?? "")
                .replacing("$(POD_NAME)", with: pod ?? "")
        }
        let loader = ConfigurationLoader(
            conf: try option("conf"),
            servicesDirectory: try option("services")
        )
        return loader.load(MemorySource(files))
    }

    private func check(_ loaded: LoadedConfiguration) {
        let problems = loaded.diagnostics.filter { $0.severity != .notInEffect }
        #expect(problems.isEmpty, "\(problems)")
    }

    @Test func `the defaults pass dpvs check`() throws {
        let loaded = try load(try Chart.render())
        check(loaded)
        #expect(loaded.state.settings.text("global_defs.metrics_address") == "0.0.0.0:9620")
        #expect(loaded.state.services.isEmpty)
    }

    private static let pods: [(String, String?)] = [
        ("sriov-vfio", "node-a"), ("sriov-vfio", "node-b"), ("mlx5", "dpvs-0"), ("mlx5", "dpvs-1"),
        ("af-packet", nil), ("af-xdp", nil),
    ]

    @Test(arguments: pods)
    func `the examples pass dpvs check on every pod`(example: String, pod: String?) throws {
        let loaded = try load(try Chart.render(example), pod: pod)
        check(loaded)
        #expect(loaded.state.services.count == 1)
        #expect(loaded.state.addresses.count == 2)
    }

    @Test func `pods have addresses of their own`() throws {
        let objects = try Chart.render("sriov-vfio")
        let own = try ["node-a", "node-b"]
            .map { pod in
                let state = try load(objects, pod: pod).state
                return Set(
                    state.addresses.map { "\($0.key.address)" }
                        + state.services.flatMap { $0.localAddresses.map { "\($0)" } }
                )
            }
        #expect(own[0].count == 4 && own[0].isDisjoint(with: own[1]))
    }

    @Test func `a configuration of one's own takes the place of the chart's`() throws {
        let own = "config.conf=global_defs { drain_timeout {{ .Values.drain.timeoutSeconds }}s }"
        let loaded = try load(try Chart.render(nil, [own]))
        #expect(loaded.state.settings.duration("global_defs.drain_timeout") == .seconds(60))
        #expect(loaded.state.settings.text("global_defs.metrics_address") == nil)
    }

    @Test func `more lines of a port and more blocks are put in`() throws {
        let loaded = try load(
            try Chart.render(
                nil,
                [
                    """
                    ports=[{"name":"dpdk0","resource":"intel.com/a","mtu":9000,\
                    "lines":"rx { descriptor_number 1024 }"}]
                    """,
                    "config.extraConf=worker_defs { workers 2 }",
                ]
            )
        )
        check(loaded)
        #expect(loaded.state.settings.integer("worker_defs.workers") == 2)
    }

    @Test func `ConfigMaps that exist are mounted in place of the chart's`() throws {
        let objects = try Chart.render(
            nil,
            ["config.existingConf=mine", "config.existingServices=[\"a\",\"b\"]"]
        )
        #expect(objects.of("ConfigMap").isEmpty)
        let volumes = try #require(try objects.pod()["spec.volumes"]).list
        let sources = volumes.compactMap { $0["projected.sources"] }.flatMap(\.list)
        #expect(sources.compactMap { $0["configMap.name"]?.text } == ["mine", "a", "b"])
    }

    @Test func `a change of dpvs.conf restarts pods only when it is asked for`() throws {
        func template(_ settings: [String]) throws -> [String: String] {
            try Chart.render(nil, settings).pod()["metadata.annotations"]?.texts ?? [:]
        }
        let changed = "config.logLevel=DEBUG"
        #expect(try template([]) == template([changed]))
        let restarting = "config.restartOnChange=true"
        #expect(try template([restarting]) != template([restarting, changed]))
    }
}
