// SPDX-License-Identifier: Apache-2.0

/// The known word that `word` was probably meant to be, or nil when none is near.
///
/// Near is a third of the word's length in edits (Damerau and Levenshtein: insert, delete, replace,
/// swap neighbours), and at least one.
package func nearest(to word: String, in known: [String]) -> String? {
    let limit = max(1, word.count / 3)
    let ranked = known.map {
        (word: $0, distance: editDistance(word.lowercased(), $0.lowercased()))
    }
    guard let best = ranked.min(by: { ($0.distance, $0.word) < ($1.distance, $1.word) }) else {
        return nil
    }
    return best.distance <= limit && best.word != word ? best.word : nil
}

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
