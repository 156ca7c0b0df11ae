// SPDX-License-Identifier: Apache-2.0
package import BPF
import CRealIP
import Glibc
import Linux

/// The programs that some options need, in the kernel.
package struct LoadedPrograms {
    package let object: BPFObject
    package let questions: QuestionAnswers
    /// Maps that were kept with other definitions, and begin empty.
    package let begunAnew: [String]
    private let attached: Set<String>

    /// Loads what the kernel takes: getsockopt is answered as exactly as it can be; all else is needed.
    ///
    /// Maps that are in `pins` are taken over, and others are put there.
    package init(_ options: ReceiverOptions, pins: Pins? = nil) throws(ReceiverError) {
        var begunAnew: Set<String> = []
        for questions in [QuestionAnswers.exact, .last, .none] {
            let names = Self.names(options, questions)
            do {
                let object = try Self.open(names, options, questions)
                for map in Pins.maps {
                    guard let pins, try !object.keep(map, at: pins.path(ofMap: map)) else {
                        continue
                    }
                    begunAnew.insert(map)
                }
                try object.load()
                self.object = object
                self.questions = questions
                self.begunAnew = begunAnew.sorted()
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

    private static func open(
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
        return object
    }

    /// Attaches everything but what reads packets.
    package func attach(toGroup path: String, pins: Pins?) throws(ReceiverError) -> GroupAttachment
    {
        try Files.withDirectory(path, orThrow: ReceiverError.group) {
            directory throws(ReceiverError) in
            guard KernelFileSystem.controlGroups.contains(path) else { throw .noGroup(path) }
            guard let inode = Files.identity(of: path)?.inode else {
                throw .group(LinuxError("stat", ENOENT, on: path))
            }
            var attachment = GroupAttachment(group: path, inode: inode)
            for name in attached.sorted() {
                let pin = pins?.path(ofLink: name, toGroup: inode)
                do throws(BPFError) {
                    let link = try object.attach(name, toGroup: directory, pinnedAt: pin)
                    attachment.links.append(link)
                } catch {
                    throw .kernel(error)
                }
                if let pin { attachment.pins.insert(pin) }
            }
            return attachment
        }
    }
}

/// Programs that are attached to a control group.
package struct GroupAttachment {
    let group: String
    /// Tells the group from another one that is made at its path later.
    let inode: UInt64
    var links: [BPFLink] = []
    /// Where the links are kept, if they are.
    var pins: Set<String> = []

    init(group: String, inode: UInt64) {
        self.group = group
        self.inode = inode
    }
}
