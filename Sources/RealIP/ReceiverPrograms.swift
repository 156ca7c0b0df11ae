// SPDX-License-Identifier: Apache-2.0
import BPF
import CRealIP

/// The eBPF programs by their names in `CRealIP`.
enum ReceiverPrograms {
    static let established = "realip_established"
    static let peers: Set = ["realip_peer4", "realip_peer6"]
    static let receives: Set = ["realip_receive4", "realip_receive6"]
    static let answers: Set = [
        "realip_send4", "realip_send6", "realip_connect4", "realip_connect6",
    ]
    static let ingress = "realip_ingress"
    static let question = "realip_question"
    static let questionOfLast = "realip_question_last"

    /// An object with none of them loaded yet.
    static func open() throws(BPFError) -> BPFObject {
        try unsafe BPFObject(CRealIP_object(), count: CRealIP_object_size())
    }
}

/// How exactly uoa.ko's question, getsockopt 2048, is answered.
package enum QuestionAnswers: String, Codable, Sendable {
    /// What was asked.
    case exact
    /// The datagram that the socket received last, whatever was asked.
    case last
    /// Not at all.
    case none
}

extension CRealIP_settings {
    /// Where the kernel keeps a system call's number and its fourth argument, for `getsockopt`: the layout of
    /// struct pt_regs, which Linux promises to tracers.
    static func onThisProcessor() -> CRealIP_settings {
        var settings = CRealIP_settings()
        #if arch(x86_64)
        // orig_ax and r10, words 15 and 7 (arch/x86/include/asm/ptrace.h).
        settings.call_offset = 15 * 8
        settings.argument_offset = 7 * 8
        settings.call_number = 55
        #elseif arch(arm64)
        // syscallno, behind 31 registers, sp, pc, pstate and orig_x0; and x3.
        settings.call_offset = 35 * 8
        settings.argument_offset = 3 * 8
        settings.call_number = 209
        #endif
        return settings
    }
}
