// SPDX-License-Identifier: Apache-2.0
import Control
import Model
import Testing

@Suite struct ConfigurationGoalTests {
    @Test(arguments: [
        (UInt64(6), ConfigurationGoal.Progress.reached), (7, .reached), (8, .waiting),
    ])
    func `a generation is reached when it or a later one runs`(
        _ number: UInt64,
        _ progress: ConfigurationGoal.Progress
    ) {
        #expect(ConfigurationGoal.generation(number).progress(.sample) == progress)
    }

    @Test func `a digest is reached when its files run`() throws {
        let goal = try #require(ConfigurationGoal(digest: "0123456789AB"))
        #expect(goal.progress(.sample) == .reached)
        let other = try #require(ConfigurationGoal(digest: "ffffffffffff"))
        #expect(other.progress(.sample) == .waiting)
    }

    @Test(arguments: [
        (ReloadReport.Outcome.rejected, ConfigurationGoal.Progress.rejected),
        (.failed, .waiting), (.unchanged, .waiting),
    ])
    func `only files with errors end the wait for them`(
        _ outcome: ReloadReport.Outcome,
        _ progress: ConfigurationGoal.Progress
    ) throws {
        var status = ConfigStatus.sample
        status.lastReload = .sample(outcome)
        status.readDigest = "ffffffffffffffff"
        let goal = try #require(ConfigurationGoal(digest: "ffffffffffff"))
        #expect(goal.progress(status) == progress)
        // Other files than those that are waited for.
        let absent = try #require(ConfigurationGoal(digest: "eeeeeeeeeeee"))
        #expect(absent.progress(status) == .waiting)
    }

    @Test(arguments: ["", "0123456789a", "0123456789ag", String(repeating: "0", count: 65)])
    func `what is no digest is refused`(_ text: String) {
        #expect(ConfigurationGoal(digest: text) == nil)
    }
}
