// SPDX-License-Identifier: Apache-2.0
package import BPF
package import Linux

/// Why a receiver cannot do what it was asked for.
package enum ReceiverError: Error, CustomStringConvertible {
    case noInterface(String)
    case notEthernet(String)
    case group(LinuxError)
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
        case .belief(let error): "\(error)"
        case .missing(let probes):
            probes.map { "\($0.program): \($0.failure ?? "")" }.joined(separator: "\n")
                + "\ndpvs-realip check says what this kernel can do and what is missing"
        case .kernel(let error): "the kernel refused: \(error.map { "\($0)" } ?? "no reason given")"
        }
    }
}
