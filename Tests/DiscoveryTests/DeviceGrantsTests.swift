// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Discovery

@Suite struct DeviceGrantsTests {
    private let environment = [
        "PCIDEVICE_INTEL_COM_SRIOV_NET": "0000:06:02.0,0000:06:02.3",
        "PCIDEVICE_INTEL_COM_SRIOV_NET_INFO":
            #"{"0000:06:02.0":{"generic":{"deviceID":"0000:06:02.0"},"new":7,"#
            + #""vfio":{"dev-mount":"/dev/vfio/45","mount":"/dev/vfio/vfio"}}}"#,
        "PCIDEVICE_NVIDIA_COM_CX6-VF": "0000:3b:00.2",
        "PCIDEVICE_NVIDIA_COM_SF": "mlx5_core.sf.4, mlx5_core.sf.5",
        "PCIDEVICE_X_IO_CARD_INFO": "0000:5e:00.1",
        "PATH": "/bin",
    ]

    @Test func `blocks that name one resource get its devices in order`() throws {
        var grants = DeviceGrants(environment: environment)
        #expect(try grants.next(of: "intel.com/sriov_net") == "0000:06:02.0")
        #expect(try grants.next(of: "nvidia.com/cx6-vf") == "0000:3b:00.2")
        #expect(try grants.next(of: "intel.com/sriov_net") == "0000:06:02.3")
        #expect(try grants.next(of: "nvidia.com/sf") == "mlx5_core.sf.4")
        #expect(try grants.next(of: "nvidia.com/sf") == "mlx5_core.sf.5")
    }

    @Test func `a hyphen that became an underscore on its way is found, and the reverse`() throws {
        var grants = DeviceGrants(environment: environment)
        #expect(try grants.next(of: "intel.com/sriov-net") == "0000:06:02.0")
        #expect(try grants.next(of: "nvidia.com/cx6_vf") == "0000:3b:00.2")
        let both = DeviceGrants(environment: [
            "PCIDEVICE_X_COM_A-B": "0000:01:00.1", "PCIDEVICE_X_COM_A_B": "0000:01:00.2",
        ])
        #expect(both.find("x.com/a_b")?.devices == ["0000:01:00.2"])
        #expect(both.find("x.com/a-b")?.devices == ["0000:01:00.1"])
    }

    @Test func `a resource that is called info is no JSON, and JSON is no resource`() throws {
        var grants = DeviceGrants(environment: environment)
        #expect(try grants.next(of: "x.io/card_info") == "0000:5e:00.1")
        #expect(grants.resources.count == 4)
    }

    @Test func `what a plugin tells of a device is kept, what it adds later is no harm`() {
        let granted = DeviceGrants(environment: environment).find("intel.com/sriov_net")
        #expect(granted?.facts["0000:06:02.0"]?["vfio"]?["dev-mount"] == "/dev/vfio/45")
        let broken = DeviceGrants(environment: [
            "PCIDEVICE_A": "0000:01:00.1", "PCIDEVICE_A_INFO": "{half",
        ])
        #expect(broken.resources.map(\.devices) == [["0000:01:00.1"]])
    }

    @Test func `a resource that has run out is named with what there was`() throws {
        var grants = DeviceGrants(environment: environment)
        _ = try grants.next(of: "nvidia.com/cx6-vf")
        let error = #expect(throws: GrantError.self) { try grants.next(of: "nvidia.com/cx6-vf") }
        let text = try #require(error?.description)
        #expect(text.contains("number 2") && text.contains("PCIDEVICE_NVIDIA_COM_CX6-VF=0000"))
    }

    @Test func `an unknown resource is answered with those that are there`() throws {
        var grants = DeviceGrants(environment: environment)
        let error = #expect(throws: GrantError.self) { try grants.next(of: "intel.com/other") }
        #expect(error?.description.contains("PCIDEVICE_INTEL_COM_SRIOV_NET,") == true)
        var nothing = DeviceGrants(environment: [:])
        let second = #expect(throws: GrantError.self) { try nothing.next(of: "intel.com/other") }
        #expect(second?.description.contains("does the pod request") == true)
    }
}
