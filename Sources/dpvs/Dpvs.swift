// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Instance
import Linux

@main
struct Dpvs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dpvs",
        abstract: "A Layer-4 load balancer: DPDK moves the packets, Swift decides.",
        version: BuildInformation.text,
        subcommands: [
            RunCommand.self, CheckCommand.self, PlanCommand.self, StatusCommand.self,
            ConfigCommand.self, EditCommand.self, MetricsCommand.self, WatchCommand.self,
            ExplainCommand.self, ConnectionsCommand.self, ProbeCommand.self,
            LinkDiscoveryCommand.self, DoctorCommand.self, StopCommand.self,
        ],
        defaultSubcommand: RunCommand.self
    )

    static func main() async {
        Files.openStandardStreams()
        await CommandExit.run(Dpvs.self)
    }
}
