// SPDX-License-Identifier: Apache-2.0
import Model

/// Command lines as `ipvsadm -S` writes them and `-R` reads them, one a line.
package struct RestoreText: Sendable {
    package struct Line: Equatable, Sendable {
        package var number: Int
        package var change: ServiceChange
    }

    package private(set) var lines: [Line] = []
    package private(set) var remarks: [String] = []
    /// What is wrong, with the numbers of lines.
    package private(set) var complaints: [String] = []

    /// Mistakes that help a person.
    static let mostComplaints = 200

    package init(_ text: String) {
        var number = 0
        // Lines may end as on Windows, too.
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            number += 1
            let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            // Scripts of whole commands are read as well.
            let name = first.split(separator: "/").last
            read(name == "ipvsadm" ? Array(words.dropFirst()) : words, number)
            if complaints.count >= Self.mostComplaints { return }
        }
    }

    private mutating func read(_ words: [String], _ number: Int) {
        do throws(Complaint) {
            let request = try Request(words)
            remarks += request.remarks.map { "line \(number): \($0)" }
            switch request.action {
            case .change(let change): lines.append(Line(number: number, change: change))
            case .nothing: break
            default:
                complaints.append("line \(number): this changes nothing that could be restored")
            }
        } catch {
            complaints.append("line \(number): \(error)")
        }
    }

    /// Carries all lines out on `table`; returns what has no effect, and what is refused.
    package func apply(to table: inout ServiceTable) -> (remarks: [String], refused: [String]) {
        var refused: [String] = []
        var remarks: [String] = []
        for line in lines where refused.count < Self.mostComplaints {
            let before = table.remarks.count
            do throws(Complaint) {
                try table.apply(line.change)
            } catch {
                refused.append("line \(line.number): \(error)")
            }
            remarks += table.remarks.dropFirst(before).map { "line \(line.number): \($0)" }
        }
        return (remarks, refused)
    }
}
