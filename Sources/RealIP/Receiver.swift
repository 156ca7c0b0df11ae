// SPDX-License-Identifier: Apache-2.0
import Addressing
package import BPF
import CRealIP
import Foundation
import Linux

/// The programs in the kernel, attached for control groups and some interfaces, with the list of those whose
/// packets they believe.
///
/// With `Pins` all of that stays in the kernel when the process ends, whatever ends it, and goes on by the list as
/// it was: the next receiver of the name takes it over. Without them the links to the control groups end with the
/// process, and sockets see the balancer's addresses again. What reads packets on the interfaces stays in any
/// case until `detach`, so that no datagram is lost while no receiver runs: without it the kernel refuses
/// protocol 248.
package actor Receiver {
    private let name: String
    private let options: ReceiverOptions
    private let started = Date()
    let loaded: LoadedPrograms
    let pins: Pins?
    var attachments: [GroupAttachment]
    var filters: [IngressFilter]
    private var believed: BelievedMap
    private var sources: BeliefReader
    /// What is wrong with an interface or a control group, by its name.
    var troubles: [String: String] = [:]
    let say: @Sendable (String) -> Void

    /// Loads and attaches everything that `options` ask for, or throws and leaves what there was before.
    ///
    /// `say` is told what an operator may want to know, a sentence at a time.
    package init(
        name: String,
        _ options: ReceiverOptions,
        say: @escaping @Sendable (String) -> Void
    ) async throws(ReceiverError) {
        let filters = try options.interfaces.map { name throws(ReceiverError) in
            try IngressFilter(onInterface: name)
        }
        try await Self.refuseTaken(options.interfaces)
        try Self.refuseNested(options.groups)
        var sources = BeliefReader(options.beliefs)
        try sources.begin()
        await sources.askBalancer()
        let pins = try Pins(name, at: options.pins)
        let hasFormer = pins?.isThere ?? false
        var new: [IngressFilter] = []
        do {
            try pins?.prepare()
            let loaded = try LoadedPrograms(options, pins: pins)
            var believed = BelievedMap(try loaded.object.map("believed"))
            try believed.set(sources.believed)
            var attachments: [GroupAttachment] = []
            for group in options.groups {
                let attachment = try loaded.attach(toGroup: group, pins: pins)
                // The same group may have been named twice.
                if attachments.contains(where: { $0.inode == attachment.inode }) { continue }
                attachments.append(attachment)
            }
            for filter in filters {
                if filter.program == nil { new.append(filter) }
                try filter.put(loaded.object.descriptor(of: ReceiverPrograms.ingress))
            }
            self.loaded = loaded
            self.attachments = attachments
            self.believed = believed
        } catch {
            for filter in new { _ = try? filter.remove() }
            if !hasFormer { pins?.remove() }
            throw error as? ReceiverError ?? .kernel(error as? BPFError)
        }
        pins?.remove(exceptMapsAnd: attachments.reduce(into: []) { $0.formUnion($1.pins) })
        self.name = name
        self.options = options
        self.pins = pins
        self.filters = filters
        self.sources = sources
        self.say = say
    }

    /// A call that passed the programs of two groups would be translated twice.
    private static func refuseNested(_ groups: [String]) throws(ReceiverError) {
        let paths = groups.compactMap { Files.resolve($0) }
        for outer in paths {
            if let inner = paths.first(where: { $0.hasPrefix(outer + "/") }) {
                throw .nested(inner, in: outer)
            }
        }
    }

    /// An interface has room for one receiver: the second would learn all the flows, and the first none.
    private static func refuseTaken(_ interfaces: [String]) async throws(ReceiverError) {
        if interfaces.isEmpty { return }
        for other in await ReceiverPlace.running() where other.isInThisNetwork {
            for interface in other.interfaces where interfaces.contains(interface.name) {
                throw .interfaceIsTaken(interface.name, by: other)
            }
        }
    }

    // MARK: - While it runs

    /// Follows the sources of the list, and looks after the interfaces, until the task is cancelled.
    package func follow() async {
        var turn = 0
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            turn += 1
            // Files are looked at every second, everything that costs more every five.
            let before = sources.problems
            sources.readFile()
            watchGroups()
            if turn % 5 == 0 {
                // Nobody else changes it meanwhile.
                var asked = sources
                await asked.askBalancer()
                sources = asked
                watchFilters()
            }
            for problem in sources.problems where !before.contains(problem) { say(problem) }
            believe(sources.believed)
        }
    }

    private func believe(_ wanted: Set<IPPrefix>) {
        guard wanted != believed.prefixes else { return }
        do {
            try believed.set(wanted)
            say("believed: \(Self.text(of: believed.prefixes))")
        } catch {
            sources.note("not all of the list fits into the kernel: \(error)")
        }
    }

    package var status: ReceiverStatus {
        var counters: [Counter: UInt64] = [:]
        var problems = sources.problems + troubles.sorted { $0.key < $1.key }.map(\.value)
        do {
            let map = try loaded.object.map("counters")
            for counter in Counter.allCases { counters[counter] = try map.sum(at: counter.index) }
        } catch {
            problems.append("the counters cannot be read: \(error)")
        }
        if believed.prefixes.isEmpty { problems.append("nobody is believed: the list is empty") }
        return ReceiverStatus(
            name: name,
            process: ProcessInfo.processInfo.processIdentifier,
            started: started,
            groups: options.groups,
            interfaces: filters.map { .init(name: $0.interface, isRead: $0.program != nil) },
            datagrams: options.datagrams,
            questions: loaded.questions,
            pins: pins?.directory,
            believed: believed.prefixes.sorted().map(Self.text),
            problems: problems,
            counters: counters
        )
    }

    private static func text(of prefixes: Set<IPPrefix>) -> String {
        prefixes.isEmpty ? "nobody" : prefixes.sorted().map(text).joined(separator: ", ")
    }

    private static func text(_ prefix: IPPrefix) -> String {
        prefix.isHost ? prefix.address.description : prefix.description
    }

    /// Says how it is, once, at the beginning.
    package func announce() {
        say(
            "serves \(options.groups.joined(separator: ", ")); believed: \(Self.text(of: believed.prefixes))"
        )
        for problem in status.problems { say(problem) }
        for map in loaded.begunAnew {
            say("\(map) begins empty: the former receiver's has another size or layout")
        }
        if pins == nil, options.pins == .usual {
            say(
                "nothing is kept for the next receiver, since /sys/fs/bpf is no BPF file system: "
                    + "mount -t bpf bpf /sys/fs/bpf"
            )
        }
        if loaded.questions != .exact { say("getsockopt 2048: see dpvs-realip check") }
    }
}

extension IngressFilter {
    /// In front of everybody else's, and told apart from them.
    private static let ourPriority: UInt32 = 1
    private static let ourHandle: UInt32 = 0xD9F5

    /// Our place on an interface; throws when there is none, or its packets have no Ethernet header.
    package init(onInterface name: String) throws(ReceiverError) {
        guard let link = KernelLink.named(name) else { throw .noInterface(name) }
        guard link.isEthernet else { throw .notEthernet(name) }
        self.init(
            interface: name,
            index: link.index,
            priority: Self.ourPriority,
            handle: Self.ourHandle
        )
    }
}
