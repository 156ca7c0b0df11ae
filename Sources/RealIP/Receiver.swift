// SPDX-License-Identifier: Apache-2.0
import Addressing
package import BPF
import CRealIP
import Foundation
import Linux

/// The programs in the kernel, attached for one control group and some interfaces, with the list of those whose
/// packets they believe.
///
/// The links to the control group end with the process, whatever ends it: sockets see the balancer's addresses
/// again. What reads packets on the interfaces stays until `removeFilters`, so that no datagram is lost while no
/// receiver runs: without it the kernel refuses protocol 248.
package actor Receiver {
    private let name: String
    private let options: ReceiverOptions
    private let started = Date()
    private let loaded: LoadedPrograms
    private let links: [BPFLink]
    private let filters: [IngressFilter]
    private var believed: BelievedMap
    private var sources: BeliefReader
    /// Interfaces whose packets are not read, and why.
    private var unread: [String: String] = [:]
    private let say: @Sendable (String) -> Void

    /// Loads and attaches everything that `options` ask for, or throws and leaves nothing behind.
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
        var sources = BeliefReader(options.beliefs)
        try sources.begin()
        await sources.askBalancer()
        let loaded = try LoadedPrograms(options)
        do {
            var believed = BelievedMap(try loaded.object.map("believed"))
            try believed.set(sources.believed)
            for filter in filters {
                try filter.put(loaded.object.descriptor(of: ReceiverPrograms.ingress))
            }
            self.believed = believed
            links = try loaded.attach(toGroup: options.group)
        } catch {
            for filter in filters { _ = try? filter.remove() }
            throw error as? ReceiverError ?? .kernel(error as? BPFError)
        }
        self.name = name
        self.options = options
        self.loaded = loaded
        self.filters = filters
        self.sources = sources
        self.say = say
    }

    // MARK: - While it runs

    /// Follows the sources of the list, and looks after the interfaces, until the task is cancelled.
    package func follow() async {
        var turn = 0
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            turn += 1
            // The file is looked at every second, everything that costs more every five.
            let before = sources.problems
            sources.readFile()
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

    /// Others may have taken our program away with their own, or the interface was made anew.
    private func watchFilters() {
        for filter in filters {
            let place = KernelLink.named(filter.interface)
            if place?.index == filter.index, filter.program != nil {
                unread[filter.interface] = nil
                continue
            }
            do {
                guard place?.index == filter.index else {
                    throw ReceiverError.noInterface(filter.interface)
                }
                try filter.put(loaded.object.descriptor(of: ReceiverPrograms.ingress))
                unread[filter.interface] = nil
                say("\(filter.interface): somebody took the program away, it is there again")
            } catch {
                if unread[filter.interface] == nil { say("\(error)") }
                unread[filter.interface] = "\(error)"
            }
        }
    }

    package var status: ReceiverStatus {
        var counters: [Counter: UInt64] = [:]
        var problems = sources.problems + unread.sorted { $0.key < $1.key }.map(\.value)
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
            group: options.group,
            interfaces: filters.map { .init(name: $0.interface, isRead: $0.program != nil) },
            datagrams: options.datagrams,
            questions: loaded.questions,
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
        say("serves \(options.group); believed: \(Self.text(of: believed.prefixes))")
        for problem in status.problems { say(problem) }
        if loaded.questions != .exact { say("getsockopt 2048: see dpvs-realip check") }
    }

    // MARK: - The end

    /// Stops reading packets: from now on those of protocol 248 are refused by the kernel.
    package func removeFilters() {
        for filter in filters {
            do {
                _ = try filter.remove()
            } catch {
                say("\(error)")
            }
        }
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
