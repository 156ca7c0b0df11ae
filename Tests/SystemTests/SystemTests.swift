// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// The built `dpvs` among real programs: nginx, curl and iperf3 in network namespaces.
///
/// One after another: they share the machine's two or so CPUs. `DPVS_BINARIES` names the directory
/// of the executable; without it the one beside the tests is taken.
@Suite(
    .serialized,
    .enabled(
        if: Requirements.missing.isEmpty,
        "needs \(Requirements.missing.joined(separator: ", ")): see scripts/install-packages --lab"
    ),
    .timeLimit(.minutes(2))
)
struct SystemTests {}

@Test(.enabled(if: ProcessInfo.processInfo.environment["CI"] != nil, "not in CI"))
func `CI has everything that the system tests need`() {
    #expect(Requirements.missing == [])
}

enum Requirements {
    private static let tools = [
        "ip", "ethtool", "nginx", "curl", "iperf3", "promtool", "sysctl", "python3", "ping",
        "tcpdump", "bird", "keepalived",
    ]

    /// What the tests need and this machine does not have.
    static let missing: [String] =
        (geteuid() == 0 ? [] : ["root"])
        + tools.filter { Program.path(of: $0) == nil }
        + (FileManager.default.isExecutableFile(atPath: Program.dpvs) ? [] : [Program.dpvs])
}
