// SPDX-License-Identifier: Apache-2.0
import Model

/// What `dpip` is asked about: the first word.
package enum DPIPObject: String, CaseIterable, Sendable {
    case link, addr, route, neigh, maddr, vlan, tunnel, qsch, cls, ipv6, iftraf
    case memory = "eal-mem"
    case ipset, flow, lldp

    /// Names that `ip` has for the same.
    private static let synonyms: [String: DPIPObject] = [
        "address": .addr, "neighbour": .neigh, "neighbor": .neigh, "arp": .neigh,
        "maddress": .maddr, "qdisc": .qsch, "filter": .cls,
    ]

    /// By name, or by the beginning of one: the first in the order above counts, as in `ip`.
    package init(word: String) throws(UsageError) {
        let found =
            Self(rawValue: word) ?? Self.synonyms[word]
            ?? Self.allCases.first { !word.isEmpty && $0.rawValue.hasPrefix(word) }
        guard let found else {
            let names = Self.allCases.map(\.rawValue)
            throw UsageError("there is no object '\(word)'; \(Words.list("objects", names, word))")
        }
        self = found
    }

    /// What can be done with it.
    package var verbs: [DPIPVerb] {
        switch self {
        case .link: [.show, .set, .add, .del]
        case .addr: [.add, .del, .set, .show, .flush]
        case .route: [.add, .del, .show, .set, .flush]
        case .neigh: [.show, .add, .del]
        case .maddr, .ipv6, .memory, .lldp: [.show]
        case .vlan: [.show, .add, .del]
        case .tunnel: [.add, .set, .del, .replace, .show]
        case .qsch, .cls: [.add, .del, .set, .replace, .show]
        case .iftraf: [.enable, .disable, .show]
        case .ipset: [.create, .destroy, .add, .del, .test, .show, .flush]
        case .flow: [.add, .del, .show, .flush]
        }
    }
}

/// What is to be done: the second word.
package enum DPIPVerb: String, CaseIterable, Sendable {
    case add, del, show, set, replace, flush, create, destroy, test, enable, disable, help

    private static let synonyms: [String: DPIPVerb] = [
        "list": .show, "ls": .show, "lst": .show, "change": .set, "chg": .set, "delete": .del,
        "remove": .del,
    ]

    /// By name, or by the beginning of one that `object` has.
    package init(word: String, of object: DPIPObject) throws(UsageError) {
        let names =
            (object.verbs + [.help]).map { ($0.rawValue, $0) }
            + Self.synonyms.sorted { $0.key < $1.key }
            .filter { object.verbs.contains($0.value) }
            .map { ($0.key, $0.value) }
        if let exact = names.first(where: { $0.0 == word }) {
            self = exact.1
            return
        }
        let known = Self(rawValue: word) ?? Self.synonyms[word]
        let accepted = object.verbs.map(\.rawValue)
        guard known == nil else {
            throw UsageError(
                "\(object.rawValue) \(word) is not supported; \(Words.list("commands", accepted, word))"
            )
        }
        guard !word.isEmpty, let found = names.first(where: { $0.0.hasPrefix(word) }) else {
            throw UsageError(
                "\(object.rawValue) has no command '\(word)'; \(Words.list("commands", accepted, word))"
            )
        }
        self = found.1
    }
}

extension Words {
    /// As in "commands are show, add; did you mean 'show'?".
    static func list(_ noun: String, _ names: [String], _ word: String) -> String {
        let near = nearest(to: word, in: names).map { "; did you mean '\($0)'?" } ?? ""
        return "\(noun) are \(names.joined(separator: ", "))\(near)"
    }
}
