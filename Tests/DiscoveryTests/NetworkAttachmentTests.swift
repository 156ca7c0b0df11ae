// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Discovery

@Suite struct NetworkAttachmentTests {
    private static let status = """
        [{"name":"cbr0","interface":"eth0","ips":["10.244.1.9"],"mac":"aa:bb:cc:00:00:01",
          "default":true,"dns":{}},
         {"name":"default/outside","interface":"net1","dns":{},
          "device-info":{"type":"pci","version":"1.1.0","pci":{"pci-address":"0000:06:02.3"}}}]
        """

    /// As the downward API writes `metadata.annotations`.
    private static let annotations =
        "kubernetes.io/config.seen=\"2026-11-25\"\n"
        + "k8s.v1.cni.cncf.io/network-status=\""
        + status.replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\"\n"

    @Test(arguments: [status, annotations])
    func `the annotation is read alone and among others`(text: String) throws {
        let all = try #require(NetworkAttachment.all(in: text))
        #expect(all.map(\.name) == ["cbr0", "default/outside"])
        #expect(all[0].addresses == ["10.244.1.9"] && all[0].device == nil)
        #expect(all[1].device == "0000:06:02.3")
        #expect(["default/outside", "outside", "net1"].allSatisfy(all[1].matches))
        #expect(!all[1].matches("side"))
    }

    @Test(arguments: ["", "{}", "a=\"b\"\n", "k8s.v1.cni.cncf.io/network-status=\"[{\"\n"])
    func `anything else is nothing`(text: String) {
        #expect(NetworkAttachment.all(in: text) == nil)
    }
}
