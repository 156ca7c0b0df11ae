// SPDX-License-Identifier: Apache-2.0
import Addressing
import Glibc
import Model
import Subprocess
import SystemPackage

/// Runs programs that say by their exit status whether a backend serves.
enum ScriptProbe {
    /// Runs the program, without a shell; when its time is over it is killed with all that it started.
    ///
    /// Whom it is about is in its environment: `DPVS_ADDRESS` and `DPVS_PORT`.
    static func run(_ script: HealthProbe.Script, _ target: ProbeTarget) async -> ProbeResult {
        guard let program = script.words.first else { return .unable("names no program") }
        var options = PlatformOptions()
        // A group of its own, so that its children can be told from ours.
        options.processGroupID = 0
        let timeout = target.check.timeout
        let isLate = TimeOver()
        do {
            let outcome = try await Subprocess.run(
                .path(FilePath(program)),
                arguments: Arguments(Array(script.words.dropFirst())),
                environment: .inherit.updating([
                    "DPVS_ADDRESS": target.address.description, "DPVS_PORT": "\(target.port)",
                ]),
                platformOptions: options,
                input: .none,
                output: .discarded,
                error: .discarded
            ) { execution in
                let group = execution.processIdentifier.value
                return Task {
                    try await Task.sleep(for: timeout)
                    isLate.set()
                    kill(-group, SIGKILL)
                }
            }
            outcome.closureResult.cancel()
            if isLate.isSet { return .bad("takes longer than \(timeout.text)") }
            return judge(outcome.terminationStatus)
        } catch {
            return .unable("\(program) cannot be run: \(error)")
        }
    }

    private static func judge(_ status: TerminationStatus) -> ProbeResult {
        switch status {
        case .exited(0): .good
        case .exited(let code): .bad("ended with status \(code)")
        case .signaled(let signal): .bad("was ended by signal \(signal)")
        }
    }
}
