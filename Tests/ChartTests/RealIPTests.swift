// SPDX-License-Identifier: Apache-2.0
import Testing
import YAML

/// The receiver of client addresses on nodes that carry backends.
@Suite(.enabled(if: Chart.isHelmThere, "scripts/chart-tools brings helm"))
struct RealIPChartTests {
    private static let on = [
        "realip.enabled=true", "realip.balancers=[\"10.0.1.200\",\"2001:db8:1::/64\"]",
    ]

    private static func receiver(_ settings: [String] = []) throws -> YAMLNode {
        let sets = try Chart.render(nil, on + settings).of("DaemonSet")
        return try #require(sets.first { $0["metadata.name"]?.text == "dpvs-realip" })
    }

    private static func container(_ set: YAMLNode) throws -> YAMLNode {
        try #require(set["spec.template.spec.containers"]?.list.first)
    }

    private static func words(_ container: YAMLNode) -> [String] {
        container["args"]?.list.compactMap(\.text) ?? []
    }

    @Test func `it is off by default, and takes a list of whom to believe`() throws {
        let names = try Chart.render().compactMap { $0["metadata.name"]?.text }
        #expect(!names.contains { $0.contains("realip") })
        let refusal = try Chart.refusal(nil, ["realip.enabled=true"])
        #expect(try #require(refusal).contains("realip.balancers"))
        let wrong = try Chart.refusal(nil, ["realip.enabled=true", "realip.balancers=[\"lb\"]"])
        #expect(try #require(wrong).contains("/realip/balancers/0"))
    }

    @Test(arguments: [true, false])
    func `it may do no more than it must`(isExact: Bool) throws {
        let set = try Self.receiver(["realip.exactQuestions=\(isExact)"])
        let security = try #require(try Self.container(set)["securityContext"])
        #expect(security["capabilities.drop"]?.list.compactMap(\.text) == ["ALL"])
        #expect(
            security["capabilities.add"]?.list.compactMap(\.text)
                == ["BPF", "NET_ADMIN"] + (isExact ? ["PERFMON"] : [])
        )
        #expect(security["readOnlyRootFilesystem"]?.text == "true")
        #expect(security["allowPrivilegeEscalation"]?.text == "false")
        #expect(security["privileged"] == nil)
        let pod = try #require(set["spec.template.spec"])
        #expect(pod["hostNetwork"]?.text == "true")
        #expect(pod["hostPID"] == nil)
        #expect(pod["automountServiceAccountToken"]?.text == "false")
        #expect(pod["securityContext.seccompProfile.type"]?.text == "RuntimeDefault")
    }

    @Test func `its seccomp profile can be another`() throws {
        let profile = "realip.seccomp={\"type\":\"Localhost\",\"localhostProfile\":\"realip.json\"}"
        let set = try Self.receiver([profile])
        let seccomp = try #require(set["spec.template.spec.securityContext.seccompProfile"]).texts
        #expect(seccomp == ["type": "Localhost", "localhostProfile": "realip.json"])
        let refusal = try Chart.refusal(nil, Self.on + ["realip.seccomp.type=Localhost"])
        #expect(try #require(refusal).contains("localhostProfile"))
    }

    @Test(arguments: [true, false])
    func `it sees the node's control groups, and keeps what it knows or does not`(
        keeps: Bool
    ) throws {
        let set = try Self.receiver(["realip.keep=\(keeps)"])
        let container = try Self.container(set)
        let mounts = try #require(container["volumeMounts"]).list
        let volumes = try #require(set["spec.template.spec.volumes"]).list
        let names = volumes.compactMap { $0["name"]?.text }
        #expect(mounts.compactMap { $0["name"]?.text }.sorted() == names.sorted())
        let writable = mounts.filter { $0["readOnly"]?.text != "true" }
            .compactMap { $0["mountPath"]?.text }
        #expect(writable == ["/run/dpvs-realip"] + (keeps ? ["/host/bpf"] : []))
        let hosts = volumes.compactMap { $0["hostPath.path"]?.text }
        #expect(hosts == ["/sys/fs/cgroup"] + (keeps ? ["/sys/fs/bpf"] : []))
        let words = Self.words(container)
        #expect(words.contains("--pins=/host/bpf/dpvs-realip") == keeps)
        #expect(words.contains("--at-end=detach") == !keeps)
        #expect(words.contains("--cgroup=/host/cgroup/kubepods.slice"))
    }

    @Test func `its arguments are the values, and its list is a file that may change`() throws {
        let settings = [
            "realip.interfaces=[\"eth0\",\"eth1\"]", "realip.udp=api", "realip.flows=100000",
            "realip.idleSeconds=400", "realip.cgroup=", "realip.metricsPort=0",
        ]
        let set = try Self.receiver(settings)
        let container = try Self.container(set)
        let words = Self.words(container)
        for word in [
            "--interface=eth0", "--interface=eth1", "--udp=api", "--flows=100000", "--idle=400",
            "--cgroup=/host/cgroup", "--from-file=/etc/dpvs/balancers",
        ] { #expect(words.contains(word), "\(word)") }
        #expect(container["ports"] == nil && container["livenessProbe"] == nil)
        #expect(!words.contains { $0.hasPrefix("--metrics") })
        let lists = try Chart.render(nil, Self.on).of("ConfigMap")
            .compactMap { $0["data"]?.value(of: "balancers")?.text }
            .map { $0.split(separator: "\n") }
        #expect(lists == [["10.0.1.200", "2001:db8:1::/64"]])
    }

    @Test func `its metrics are fetched from the port that it has`() throws {
        let objects = try Chart.render(nil, Self.on + ["metrics.podMonitor.enabled=true"])
        let monitor = try #require(
            objects.of("PodMonitor").first { $0["metadata.name"]?.text == "dpvs-realip" }
        )
        let set = try Self.receiver()
        let labels = try #require(set["spec.template.metadata.labels"]).texts
        for selector in [monitor["spec.selector"], set["spec.selector"]] {
            let wanted = try #require(selector?["matchLabels"]).texts
            #expect(!wanted.isEmpty && wanted.allSatisfy { labels[$0] == $1 })
        }
        let port = try #require(try Self.container(set)["ports"]?.list.first?["name"]?.text)
        let asked = monitor["spec.podMetricsEndpoints"]?.list.first?["port"]?.text
        #expect(asked == port)
        #expect(try Self.container(set)["livenessProbe.httpGet.port"]?.text == port)
        // The balancers' own are not fetched by it, nor its pods by theirs.
        let own = try #require(
            objects.of("PodMonitor").first { $0["metadata.name"]?.text == "dpvs" }
        )
        let theirs = try #require(own["spec.selector.matchLabels"]).texts
        #expect(!theirs.allSatisfy { labels[$0] == $1 })
    }
}
