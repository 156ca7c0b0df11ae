// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import YAML

/// What the pods ask for, and may do.
@Suite(.enabled(if: Chart.isHelmThere, "scripts/chart-tools brings helm"))
struct WorkloadTests {
    @Test(arguments: Chart.examples)
    func `requests are limits, so that the pod is Guaranteed`(example: String?) throws {
        let pod = try Chart.render(example).pod()
        let containers =
            (pod["spec.containers"]?.list ?? []) + (pod["spec.initContainers"]?.list ?? [])
        #expect(!containers.isEmpty)
        for container in containers {
            let limits = try #require(container["resources.limits"]).texts
            #expect(container["resources.requests"]?.texts == limits)
            // Whole CPUs are exclusive under the static CPU manager.
            #expect(Int(try #require(limits["cpu"])) != nil)
            #expect(limits["memory"] != nil)
        }
    }

    @Test(arguments: Chart.examples)
    func `hugepages come with a volume of their size, or not at all`(example: String?) throws {
        let objects = try Chart.render(example)
        let limits = try #require(try objects.container()["resources.limits"]).texts
        let sizes = limits.keys.filter { $0.hasPrefix("hugepages-") }.map { $0.dropFirst(10) }
        let media = try #require(try objects.pod()["spec.volumes"]).list
            .compactMap { $0["emptyDir.medium"]?.text }
            .filter { $0.hasPrefix("HugePages-") }.map { $0.dropFirst(10) }
        #expect(sizes.sorted() == media.sorted())
        #expect(sizes.isEmpty == (example == "af-packet"))
        let off = try #require(try configuration(of: objects))
            .contains("hugepages               off")
        #expect(off == sizes.isEmpty)
    }

    @Test(arguments: Chart.examples)
    func `every mount has its volume, and none is a subPath`(example: String?) throws {
        let objects = try Chart.render(example)
        let mounts = try #require(try objects.container()["volumeMounts"]).list
        let volumes = try #require(try objects.pod()["spec.volumes"]).list
        let names = volumes.compactMap { $0["name"]?.text }
        #expect(mounts.compactMap { $0["name"]?.text }.sorted() == names.sorted())
        // A subPath stays what it was when the ConfigMap changes.
        for node in objects.flatMap(\.all) {
            #expect(!node.keys.contains("subPath") && !node.keys.contains("subPathExpr"))
        }
        let config = try #require(volumes.first { $0["name"]?.text == "config" })
        #expect(config["projected.sources"]?.list.count == 2)
    }

    @Test(arguments: Chart.examples)
    func `a container may do no more than it must`(example: String?) throws {
        let objects = try Chart.render(example)
        let security = try #require(try objects.container()["securityContext"])
        #expect(security["capabilities.drop"]?.list.compactMap(\.text) == ["ALL"])
        #expect(security["readOnlyRootFilesystem"]?.text == "true")
        #expect(security["privileged"]?.text == "false")
        let pod = try objects.pod()
        let isRoot = pod["spec.securityContext.runAsUser"]?.text == "0"
        #expect(isRoot == (example == "af-xdp"))
        #expect(pod["spec.securityContext.runAsNonRoot"]?.text == String(!isRoot))
        // File capabilities count only where privileges may grow.
        #expect(security["allowPrivilegeEscalation"]?.text == String(!isRoot))
        #expect(pod["spec.securityContext.seccompProfile.type"]?.text == "RuntimeDefault")
        #expect(pod["spec.automountServiceAccountToken"]?.text == "false")
        #expect(pod["spec.hostNetwork"] == nil)
        let account = try #require(objects.of("ServiceAccount").first)
        #expect(account["automountServiceAccountToken"]?.text == "false")
    }

    @Test func `resources and networks are those of the ports`() throws {
        let vfio = try Chart.render("sriov-vfio")
        let limits = try #require(try vfio.container()["resources.limits"]).texts
        #expect(limits["intel.com/dpvs_wan"] == "1" && limits["intel.com/dpvs_lan"] == "1")
        let annotations = try #require(try vfio.pod()["metadata.annotations"]).texts
        #expect(annotations["k8s.v1.cni.cncf.io/networks"] == "dpvs-wan, dpvs-lan")

        // Two ports of one resource are two devices.
        let mlx5 = try Chart.render("mlx5", ["extraNetworks[0]=bgp"])
        #expect(
            try #require(try mlx5.container()["resources.limits"]).texts["nvidia.com/dpvs_mlx"]
                == "2"
        )
        let networks = try #require(try mlx5.pod()["metadata.annotations"]).texts
        #expect(
            networks["k8s.v1.cni.cncf.io/networks"] == "dpvs-mlx@net1, dpvs-mlx@net2, bgp"
        )
    }

    @Test func `the end waits for the hook, the drain and a little more`() throws {
        let objects = try Chart.render(nil, ["drain.preStopSeconds=7", "drain.timeoutSeconds=100"])
        #expect(try objects.pod()["spec.terminationGracePeriodSeconds"]?.text == "122")
        #expect(try objects.container()["lifecycle.preStop.sleep.seconds"]?.text == "7")
        let conf = try #require(try configuration(of: objects))
        #expect(conf.contains("drain_timeout           100s"))
        // Before 1.30 there is no such action.
        let old = try Chart.render(nil, kubernetes: "1.27.0").container()
        #expect(old["lifecycle.preStop.exec.command"]?.list.compactMap(\.text) == ["sleep", "5"])
        #expect(try Chart.render(nil, ["drain.preStopSeconds=0"]).container()["lifecycle"] == nil)
    }

    @Test(arguments: ["startupProbe", "livenessProbe", "readinessProbe"])
    func `probes ask a port that the container has`(probe: String) throws {
        let container = try Chart.render().container()
        let ports = try #require(container["ports"]).list
        let get = try #require(container["\(probe).httpGet"])
        #expect(ports.contains { $0["name"]?.text == get["port"]?.text })
        #expect(get["path"]?.text == (probe == "readinessProbe" ? "/readyz" : "/livez"))
    }

    @Test func `a StatefulSet has its service, spreads, and is told apart by selectors`() throws {
        let objects = try Chart.render("mlx5")
        let set = try #require(objects.of("StatefulSet").first)
        let service = try #require(objects.of("Service").first)
        #expect(set["spec.serviceName"]?.text == service["metadata.name"]?.text)
        #expect(service["spec.clusterIP"]?.text == "None")
        let labels = try #require(set["spec.template.metadata.labels"]).texts
        for selector in [set["spec.selector.matchLabels"], service["spec.selector"]] {
            let wanted = try #require(selector).texts
            #expect(!wanted.isEmpty && wanted.allSatisfy { labels[$0] == $1 })
        }
        let spread = try #require(set["spec.template.spec.topologySpreadConstraints"]).list
        #expect(spread.first?["topologyKey"]?.text == "kubernetes.io/hostname")
        let budget = try #require(objects.of("PodDisruptionBudget").first)
        #expect(budget["spec.maxUnavailable"]?.text == "1" && budget["spec.minAvailable"] == nil)
    }

    @Test func `a DaemonSet takes down one pod before the next comes up`() throws {
        let objects = try Chart.render()
        let update = try #require(try objects.workload()["spec.updateStrategy.rollingUpdate"]).texts
        #expect(update == ["maxUnavailable": "1", "maxSurge": "0"])
        #expect(objects.of("Service").isEmpty)
        let budget = try #require(objects.of("PodDisruptionBudget").first)
        #expect(budget["spec.minAvailable"]?.text == "1" && budget["spec.maxUnavailable"] == nil)
    }

    /// The chart's dpvs.conf.
    private func configuration(of objects: [YAMLNode]) throws -> String? {
        objects.of("ConfigMap").compactMap { $0["data"]?.value(of: "dpvs.conf")?.text }.first
    }
}
