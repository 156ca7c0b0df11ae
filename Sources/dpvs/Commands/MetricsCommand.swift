// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control

struct MetricsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print what Prometheus would scrape."
    )

    @OptionGroup var instance: InstanceOptions

    func run() async throws {
        try StandardOutput.write(await instance.client.text("/metrics"))
    }
}
