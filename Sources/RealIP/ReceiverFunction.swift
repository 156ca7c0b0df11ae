// SPDX-License-Identifier: Apache-2.0
import Linux

/// Something that a receiver does, and which programs and kernels it takes.
enum ReceiverFunction: CaseIterable {
    case connections, packets, calls, exactQuestions, lastQuestions

    var subject: String {
        switch self {
        case .connections: "TCP"
        case .packets: "UDP packets"
        case .calls: "UDP calls"
        case .exactQuestions: "getsockopt, exact"
        case .lastQuestions: "getsockopt, last"
        }
    }

    /// What works when it is there.
    var benefit: String {
        switch self {
        case .connections: "accept and getpeername tell the client"
        case .packets: "UOA is read, and protocol 248 taken off"
        case .calls: "recvfrom tells the client, sendto and connect find the balancer"
        case .exactQuestions: "4096 and 2048 are answered as by toa.ko and uoa.ko"
        case .lastQuestions: "4096, and 2048 for the datagram received last"
        }
    }

    var programs: Set<String> {
        switch self {
        case .connections: ReceiverPrograms.peers.union([ReceiverPrograms.established])
        case .packets: [ReceiverPrograms.ingress]
        case .calls: ReceiverPrograms.receives.union(ReceiverPrograms.answers)
        case .exactQuestions: [ReceiverPrograms.question]
        case .lastQuestions: [ReceiverPrograms.questionOfLast]
        }
    }

    /// Exact answers are better than others, and nobody needs both.
    var isNeeded: Bool { self != .exactQuestions }

    /// The first release that has all of it.
    private var kernel: String {
        switch self {
        case .connections: "5.10"
        case .packets: "5.2"
        case .calls: "5.3"
        case .exactQuestions: "5.15"
        case .lastQuestions: "5.3"
        }
    }

    func fix(_ failed: KernelReport.Probe, _ rights: Capabilities) -> String {
        if !rights.contains([.bpf, .netAdmin]), !rights.contains([.admin, .netAdmin]) {
            return "give the process CAP_BPF and CAP_NET_ADMIN"
        }
        if self == .exactQuestions, rights.isDisjoint(with: [.perfmon, .admin]) {
            return "give the process CAP_PERFMON, too"
        }
        if failed.isForbidden {
            return
                "the kernel forbids it in spite of the capabilities: they have to be those of the "
                + "host (a pod with hostUsers: false has others), and seccomp has to allow bpf(2)"
        }
        let instead =
            switch self {
            case .connections: "clientAddress: proxy-v2 needs nothing on the backend"
            case .packets, .calls: "clientAddress: proxy-v2 needs nothing of the kernel"
            case .exactQuestions: "answers for the datagram received last are given instead"
            case .lastQuestions: "programs that ask get the kernel's own answer"
            }
        return "takes Linux \(kernel), this is \(Host.kernelRelease); \(instead)"
    }
}
