// SPDX-License-Identifier: Apache-2.0

/// The known word that `word` was probably meant to be, or nil when none is near.
///
/// Near is a third of the word's length in edits (Damerau and Levenshtein: insert, delete, replace,
/// swap neighbours), and at least one.
package func nearest(to word: String, in known: [String]) -> String? {
    if let same = synonyms[word.lowercased()]?.first(where: { known.contains($0) }) { return same }
    let limit = max(1, word.count / 3)
    let ranked = known.map {
        (word: $0, distance: editDistance(word.lowercased(), $0.lowercased()))
    }
    guard let best = ranked.min(by: { ($0.distance, $0.word) < ($1.distance, $1.word) }) else {
        return nil
    }
    return best.distance <= limit && best.word != word ? best.word : nil
}

/// What other programs call it: the first word that is known is meant.
private let synonyms: [String: [String]] = [
    "roundrobin": ["rr"], "round-robin": ["rr"], "round_robin": ["rr"],
    "weighted": ["wrr"], "weightedroundrobin": ["wrr"], "weighted-round-robin": ["wrr"],
    "leastconn": ["lc"], "least-connection": ["lc"], "least_conn": ["lc"],
    "leastconnection": ["lc"],
    "weighted-least-connection": ["wlc"], "source": ["sh"], "ip_hash": ["sh"], "iphash": ["sh"],
    "maglev": ["mh"], "consistent": ["conhash"], "ketama": ["conhash"], "failover": ["fo"],
    "fullnat": ["fnat"], "full-nat": ["fnat"], "full_nat": ["fnat"],
    "masq": ["nat"], "masquerade": ["nat"], "masquerading": ["nat"],
    "dsr": ["dr"], "direct": ["dr"], "gate": ["dr"], "gatewaying": ["dr"], "route": ["dr"],
    "tun": ["tunnel"], "ipip": ["tunnel"],
    "proxy": ["proxy-v2"], "proxyprotocol": ["proxy-v2"], "proxy-protocol": ["proxy-v2"],
    "off": ["none", "false", "off"], "no": ["none", "false", "off"], "disabled": ["none", "off"],
    "false": ["none", "off"], "0": ["false", "off"],
    "on": ["true", "auto"], "yes": ["true", "on"], "1": ["true", "on"], "true": ["on"],
    "warn": ["WARNING"], "error": ["ERR"], "critical": ["CRIT"], "trace": ["DEBUG"],
]

private func editDistance(_ left: String, _ right: String) -> Int {
    let left = Array(left)
    let right = Array(right)
    // A word too long to be a keyword is near none.
    guard left.count <= 64, !left.isEmpty, !right.isEmpty else { return .max }
    var before: [Int] = []
    var previous = Array(0...right.count)
    for row in 1...left.count {
        var current = [row]
        for column in 1...right.count {
            let cost = left[row - 1] == right[column - 1] ? 0 : 1
            var best = min(
                previous[column] + 1,
                current[column - 1] + 1,
                previous[column - 1] + cost
            )
            if row > 1, column > 1, left[row - 1] == right[column - 2],
                left[row - 2] == right[column - 1]
            {
                best = min(best, before[column - 2] + 1)
            }
            current.append(best)
        }
        before = previous
        previous = current
    }
    return previous[right.count]
}
