// SPDX-License-Identifier: Apache-2.0
import Model

/// `conf/dpvs.conf.items`: every item at its default, as a file that loads.
enum ItemListing {
    static var text: String {
        var lines = [
            "! Every item of dpvs.conf with its default, what it takes and when it is read:",
            "! <start> asks for a restart, <live> applies on save. Items that say \"no effect\" are",
            "! accepted so that files of DPVS load unchanged. Made by the tests: RECORD=1.",
            "",
        ]
        var open: [String] = []
        for item in ItemCatalogue.items {
            let words = item.path.split(separator: ".").map(String.init)
            let blocks = Array(words.dropLast())
            while !blocks.starts(with: open) {
                let closed = open
                open.removeLast()
                lines.append(indent(open.count) + mark(closed) + "}")
            }
            while open.count < blocks.count {
                open.append(blocks[open.count])
                lines.append(indent(open.count - 1) + mark(open) + header(of: open))
            }
            lines += listing(of: item, indent(open.count))
        }
        while !open.isEmpty {
            open.removeLast()
            lines.append(indent(open.count) + "}")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Worker blocks and bonds depend on the machine, so the listing has them as comments.
    private static func mark(_ blocks: [String]) -> String {
        blocks.starts(with: ["worker_defs", "worker"])
            || blocks.starts(with: ["netif_defs", "bonding"]) ? "! " : ""
    }

    private static func indent(_ depth: Int) -> String { String(repeating: "    ", count: depth) }

    private static func header(of blocks: [String]) -> String {
        let path = blocks.joined(separator: ".")
        let name =
            switch path {
            case "netif_defs.device", "worker_defs.worker.port": " dpdk0"
            case "netif_defs.bonding": " bond0"
            case "worker_defs.worker": " cpu1"
            default: ""
            }
        return "\(blocks.last ?? "")\(name) {"
    }

    /// An item without a default, and what would make the sample impossible, is a comment.
    private static func listing(of item: ConfigurationItem, _ indent: String) -> [String] {
        let effect = item.instead.map { "; no effect, instead: \($0)" } ?? ""
        let comment = "\(indent)! \(item.summary): \(item.accepted)\(effect)"
        let mark = "<\(item.moment.rawValue)> "
        let isComment = ["worker_defs", "netif_defs.bonding"].contains { item.path.hasPrefix($0) }
        guard let value = item.defaultValue, !isComment else {
            return [comment, "\(indent)! \(mark)\(item.keyword) ..."]
        }
        if case .flag(let isOn) = value, case .flag = item.kind {
            return [comment, "\(indent)\(mark)\(item.keyword) \(isOn ? "on" : "off")"]
        }
        return [comment, "\(indent)\(mark)\(item.keyword) \(value)"]
    }
}
