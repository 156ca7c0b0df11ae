// SPDX-License-Identifier: Apache-2.0
import BPF
import CRealIP
import Control
import Linux

/// What this kernel, with the rights of this process, can do for the client's address.
package struct KernelReport: Equatable, Codable, Sendable {
    /// One program, and what the kernel said when it was to load it alone.
    package struct Probe: Equatable, Codable, Sendable {
        package var program: String
        /// nil: it was loaded, and taken away again.
        package var failure: String?
        package var isForbidden: Bool
    }

    package struct Row: Equatable, Codable, Sendable {
        package var subject: String
        package var isGood: Bool
        package var finding: String
        /// What to do about it; empty when it is good.
        package var fix: String
        /// Whether something that everybody wants fails without it.
        package var isNeeded: Bool
    }

    package var rows: [Row]

    package var isGood: Bool { rows.allSatisfy { $0.isGood || !$0.isNeeded } }

    /// Tries everything; nothing stays in the kernel.
    package static func ofThisMachine() -> KernelReport {
        let rights = Privileges.held
        var rows = [kernelRow, rightsRow(rights), groupRow]
        for function in ReceiverFunction.allCases {
            rows.append(row(function, probe(function.programs), rights))
        }
        rows.append(multipathRow)
        rows.append(pinsRow)
        return KernelReport(rows: rows)
    }

    /// Loads each of the programs by itself.
    package static func probe(_ names: Set<String>) -> [Probe] {
        names.sorted()
            .map { name in
                do throws(BPFError) {
                    let object = try ReceiverPrograms.open()
                    try object.select([name])
                    var settings = CRealIP_settings.onThisProcessor()
                    settings.rewrites_datagrams = 1
                    settings.keeps_last_flow = 1
                    try object.setConstants(settings)
                    try object.load()
                    return Probe(program: name, failure: nil, isForbidden: false)
                } catch {
                    return Probe(program: name, failure: "\(error)", isForbidden: error.isForbidden)
                }
            }
    }

    package var text: String {
        var table = TextTable(.left("WHAT"), .left(""), .left("FINDING"))
        for row in rows {
            table.append(
                row.subject,
                row.isGood ? "ok" : row.isNeeded ? "MISSING" : "no",
                row.finding
            )
        }
        let fixes = rows.filter { !$0.fix.isEmpty }.map { "\($0.subject): \($0.fix)\n" }
        return table.text() + (fixes.isEmpty ? "" : "\n" + fixes.joined())
    }

    // MARK: - Rows

    private static var kernelRow: Row {
        Row(
            subject: "kernel",
            isGood: true,
            finding: "Linux \(Host.kernelRelease)",
            fix: "",
            isNeeded: false
        )
    }

    private static func rightsRow(_ rights: Capabilities) -> Row {
        // Before Linux 5.8 CAP_SYS_ADMIN was what CAP_BPF is now.
        let enough = rights.contains([.bpf, .netAdmin]) || rights.contains([.admin, .netAdmin])
        return Row(
            subject: "rights",
            isGood: enough,
            finding: "CAP_"
                + rights.intersection([.bpf, .netAdmin, .perfmon, .admin]).description
                .replacing(", ", with: ", CAP_"),
            fix: enough ? "" : "give the process CAP_BPF and CAP_NET_ADMIN",
            isNeeded: true
        )
    }

    private static var groupRow: Row {
        let mount = ControlGroup.mountPoint()
        return Row(
            subject: "control groups",
            isGood: mount != nil,
            finding: mount.map { "version 2 at \($0)" } ?? "none of version 2",
            fix: mount == nil ? ControlGroupError.noHierarchy.description : "",
            isNeeded: true
        )
    }

    private static func row(
        _ function: ReceiverFunction,
        _ probes: [Probe],
        _ rights: Capabilities
    ) -> Row {
        guard let failed = probes.first(where: { $0.failure != nil }) else {
            return Row(
                subject: function.subject,
                isGood: true,
                finding: function.benefit,
                fix: "",
                isNeeded: function.isNeeded
            )
        }
        return Row(
            subject: function.subject,
            isGood: false,
            finding: failed.failure ?? "",
            fix: function.fix(failed, rights),
            isNeeded: function.isNeeded
        )
    }

    private static var pinsRow: Row {
        let can = Pins.canBeMade(in: Pins.usualDirectory)
        return Row(
            subject: "restarts",
            isGood: can,
            finding: can
                ? "what is set up is kept in \(Pins.usualDirectory)"
                : "/sys/fs/bpf is no BPF file system: servers see the balancer meanwhile",
            fix: can ? "" : "mount -t bpf bpf /sys/fs/bpf",
            isNeeded: false
        )
    }

    private static var multipathRow: Row {
        Row(
            subject: "Multipath TCP",
            isGood: true,
            finding: Host.hasMultipathTCP
                ? "switched on here: its connections are kept by their addresses, too"
                : "not switched on here (net.mptcp.enabled)",
            fix: "",
            isNeeded: false
        )
    }
}
