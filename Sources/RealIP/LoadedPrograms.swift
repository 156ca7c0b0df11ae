// SPDX-License-Identifier: Apache-2.0
package import BPF
import CRealIP
import Linux

/// The programs that some options need, in the kernel.
package struct LoadedPrograms {
    package let object: BPFObject
    package let questions: QuestionAnswers
    private let attached: Set<String>

    /// Loads what the kernel takes: getsockopt is answered as exactly as it can be; all else is needed.
    package init(_ options: ReceiverOptions) throws(ReceiverError) {
        for questions in [QuestionAnswers.exact, .last, .none] {
            let names = Self.names(options, questions)
            do {
                object = try Self.load(names, options, questions)
                self.questions = questions
                attached = names.subtracting([ReceiverPrograms.ingress])
                return
            } catch {
                // Which one it is that the kernel does not take, and why.
                if questions == .none {
                    let missing = KernelReport.probe(names).filter { $0.failure != nil }
                    throw missing.isEmpty ? .kernel(error) : .missing(missing)
                }
            }
        }
        throw .kernel(nil)
    }

    private static func names(
        _ options: ReceiverOptions,
        _ questions: QuestionAnswers
    ) -> Set<String> {
        var names = ReceiverPrograms.peers.union([ReceiverPrograms.established])
        if !options.interfaces.isEmpty {
            names.insert(ReceiverPrograms.ingress)
            if options.datagrams == .rewrite {
                names.formUnion(ReceiverPrograms.receives)
                names.formUnion(ReceiverPrograms.answers)
            }
        }
        switch questions {
        case .exact: names.insert(ReceiverPrograms.question)
        case .last:
            names.insert(ReceiverPrograms.questionOfLast)
            if !options.interfaces.isEmpty { names.formUnion(ReceiverPrograms.receives) }
        case .none: break
        }
        return names
    }

    private static func load(
        _ names: Set<String>,
        _ options: ReceiverOptions,
        _ questions: QuestionAnswers
    ) throws(BPFError) -> BPFObject {
        let object = try ReceiverPrograms.open()
        try object.select(names)
        var settings = CRealIP_settings.onThisProcessor()
        let (seconds, attoseconds) = options.idle.components
        settings.idle =
            UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
        settings.rewrites_datagrams = options.datagrams == .rewrite ? 1 : 0
        settings.keeps_last_flow = questions == .last ? 1 : 0
        settings.serves_multipath = Host.hasMultipathTCP ? 1 : 0
        try object.setConstants(settings)
        let flows = options.interfaces.isEmpty ? 1 : options.flows
        try object.resize("flows_in", to: flows)
        try object.resize("flows_out", to: flows)
        if Host.hasMultipathTCP { try object.resize("multipath_clients", to: options.flows) }
        try object.load()
        return object
    }

    /// Attaches everything but what reads packets.
    package func attach(toGroup path: String) throws(ReceiverError) -> [BPFLink] {
        try Files.withDirectory(path, orThrow: ReceiverError.group) {
            directory throws(ReceiverError) in
            var links: [BPFLink] = []
            for name in attached.sorted() {
                do throws(BPFError) {
                    links.append(try object.attach(name, toGroup: directory))
                } catch {
                    throw .kernel(error)
                }
            }
            return links
        }
    }
}
