// SPDX-License-Identifier: Apache-2.0
package import BPF
package import Linux

/// Why a receiver cannot do what it was asked for.
package enum ReceiverError: Error, CustomStringConvertible {
    case noInterface(String)
    case notEthernet(String)
    case group(LinuxError)
    case noGroup(String)
    case nested(String, in: String)
    /// Another receiver reads the interface's packets.
    case interfaceIsTaken(String, by: ReceiverStatus)
    /// Another receiver took the interface over.
    case interfaceIsLost(String)
    /// A receiver that is to be taken away still runs.
    case stillRuns(ReceiverStatus)
    /// Nothing can be kept at the path that was asked for.
    case noPins(String)
    case pins(LinuxError)
    case belief(BeliefError)
    /// The kernel does not take these programs.
    case missing([KernelReport.Probe])
    /// Any other refusal of the kernel.
    case kernel(BPFError?)

    package var description: String {
        switch self {
        case .noInterface(let name): "there is no interface \(name)"
        case .notEthernet(let name):
            "\(name) is no Ethernet interface; UDP addresses are read only where packets have an "
                + "Ethernet header"
        case .group(let error): "the control group cannot be opened: \(error)"
        case .noGroup(let path):
            "\(path) is no control group of version 2; they are below "
                + (ControlGroup.mountPoint() ?? "/sys/fs/cgroup")
        case .nested(let inner, let outer):
            "the control group \(inner) is within \(outer), which serves it already"
        case .interfaceIsTaken(let interface, let other):
            "\(interface) is read by the receiver '\(other.name)', process \(other.process), already; "
                + "one receiver serves several control groups, each with a --cgroup of its own"
        case .interfaceIsLost(let interface):
            "\(interface) is read by another receiver now: flows of UDP that begin there are not known here"
        case .stillRuns(let other):
            "the receiver '\(other.name)', process \(other.process), runs still: end it first"
        case .noPins(let path):
            "\(path) is in no BPF file system, so nothing can be kept there; "
                + "mount -t bpf bpf /sys/fs/bpf makes one"
        case .pins(let error): "nothing can be kept for the next receiver: \(error)"
        case .belief(let error): "\(error)"
        case .missing(let probes):
            Self.text(probes)
                + "\ndpvs-realip check says what this kernel can do and what is missing"
        case .kernel(let error): "the kernel refused: \(error.map { "\($0)" } ?? "no reason given")"
        }
    }

    /// What fails for the same reason stands together; then what to do about the first.
    private static func text(_ probes: [KernelReport.Probe]) -> String {
        var lines: [String] = []
        for failure in probes.compactMap(\.failure) where !lines.contains(failure) {
            lines.append(failure)
        }
        let first = probes.first.flatMap { probe in
            ReceiverFunction.allCases.first { $0.programs.contains(probe.program) }?
                .fix(probe, Privileges.held)
        }
        let names = probes.map(\.program).joined(separator: ", ")
        return "the kernel does not load \(names)\n"
            + (lines + [first].compactMap(\.self)).joined(separator: "\n")
    }
}
