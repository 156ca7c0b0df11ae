// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Instance

@Suite struct PluginResourcesTests {
    private let environment = [
        "PCIDEVICE_INTEL_COM_SRIOV_NET": "0000:06:02.0,0000:06:02.3",
        "PCIDEVICE_INTEL_COM_SRIOV_NET_INFO": "{}",
        "PCIDEVICE_NVIDIA_COM_CX6-VF": "0000:3b:00.2",
    ]

    @Test func `blocks that name one resource get its devices in order`() throws {
        var resources = PluginResources(environment: environment)
        #expect(try resources.next(of: "intel.com/sriov_net") == "0000:06:02.0")
        #expect(try resources.next(of: "nvidia.com/cx6-vf") == "0000:3b:00.2")
        #expect(try resources.next(of: "intel.com/sriov_net") == "0000:06:02.3")
    }

    @Test func `a resource that has run out is named with what there was`() throws {
        var resources = PluginResources(environment: environment)
        _ = try resources.next(of: "nvidia.com/cx6-vf")
        let error = #expect(throws: StartError.self) {
            try resources.next(of: "nvidia.com/cx6-vf")
        }
        let text = try #require(error?.description)
        #expect(text.contains("number 2") && text.contains("PCIDEVICE_NVIDIA_COM_CX6-VF=0000"))
    }

    @Test func `an unknown resource is answered with those that are there`() throws {
        var resources = PluginResources(environment: environment)
        let error = #expect(throws: StartError.self) { try resources.next(of: "intel.com/other") }
        #expect(error?.description.contains("PCIDEVICE_INTEL_COM_SRIOV_NET,") == true)
        var nothing = PluginResources(environment: [:])
        let second = #expect(throws: StartError.self) { try nothing.next(of: "intel.com/other") }
        #expect(second?.description.contains("does the pod request") == true)
    }
}
