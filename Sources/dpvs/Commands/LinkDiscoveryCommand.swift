// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control

struct LinkDiscoveryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lldp",
        abstract: "Show who is at the other ends of the links of a running dpvs."
    )

    @OptionGroup var instance: InstanceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let links = try await instance.client.get("/v1/lldp", as: [LinkDiscoveryStatus].self)
        try output.write(links, \.text)
    }
}
