// SPDX-License-Identifier: Apache-2.0
import Testing

/// Values that would make pods that cannot work.
@Suite(.enabled(if: Chart.isHelmThere, "scripts/chart-tools brings helm"))
struct RefusalTests {
    @Test(arguments: [
        ("nonsense=1", "nonsense"),
        ("config.conn=2", "conn"),
        ("cpus=1", "/cpus"),
        ("cpus=2.5", "/cpus"),
        ("memory=lots", "/memory"),
        ("hugepages.size=4Mi", "/hugepages/size"),
        ("hugepages.amount=", "/hugepages/amount"),
        ("workload.kind=Deployment", "/workload/kind"),
        ("ports=[]", "/ports"),
        ("ports=[{\"name\":\"dpdk0\"}]", "/ports/0"),
        (
            "ports=[{\"name\":\"dpdk0\",\"resource\":\"intel.com/a\",\"driver\":\"net_tap\"}]",
            "/ports/0"
        ),
        ("ports=[{\"name\":\"dpdk0\",\"resource\":\"PCIDEVICE_A\"}]", "/ports/0"),
        ("image.digest=sha256:12", "/image/digest"),
        ("security.capabilities[0]=CAP_NET_RAW", "/security/capabilities/0"),
        ("security.capabilities[0]=SYS_ADMIN", "/security/capabilities/0"),
        ("security.seccomp.type=Localhost", "localhostProfile"),
        ("drain.preStopSeconds=-1", "/drain/preStopSeconds"),
        ("metrics.address=everywhere", "/metrics/address"),
        ("config.services={\"web\":{}}", "web"),
    ])
    func `values that cannot work are refused by name`(value: String, name: String) throws {
        let refusal = try #require(try Chart.refusal(nil, [value]), "taken: \(value)")
        #expect(refusal.contains(name), "\(refusal)")
    }

    @Test(arguments: [
        "{\"name\":\"bird\",\"image\":\"bird:2\"}",
        """
        {"name":"bird","image":"bird:2","resources":{"limits":{"cpu":1,"memory":"64Mi"},\
        "requests":{"cpu":"100m"}}}
        """,
    ])
    func `a sidecar that costs the pod its CPUs is refused`(container: String) throws {
        let refusal = try Chart.refusal(nil, ["extraContainers=[\(container)]"])
        #expect(try #require(refusal).contains("container bird: resources.limits needs cpu"))
    }

    @Test func `a sidecar with limits is taken`() throws {
        let sidecar =
            "{\"name\":\"bird\",\"image\":\"bird:2\",\"resources\":{\"limits\":{\"cpu\":1,\"memory\":\"64Mi\"}}}"
        let pod = try Chart.render(nil, ["extraContainers=[\(sidecar)]"]).pod()
        #expect(pod["spec.containers"]?.list.count == 2)
    }

    @Test(arguments: [
        ["config.existingConf=x", "config.perPod={\"a\":{}}"],
        ["config.existingConf=x", "config.conf=y"],
        ["config.existingServices=[\"x\"]", "config.services={\"a.yaml\":{}}"],
    ])
    func `what excludes each other is refused together`(values: [String]) throws {
        #expect(try Chart.refusal(nil, values) != nil)
        for value in values { #expect(try Chart.refusal(nil, [value]) == nil) }
    }
}
