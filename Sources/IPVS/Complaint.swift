// SPDX-License-Identifier: Apache-2.0
package import Control

/// Why a command line is not carried out, in a sentence for standard error.
package struct Complaint: Error, Equatable, CustomStringConvertible {
    package var description: String
    /// What the program ends with.
    package var status: ExitStatus

    /// The command line is wrong.
    package init(_ description: String) {
        self.description = description
        status = .usage
    }

    /// The command line is right, but what it asks for cannot be done.
    package static func refusal(_ description: String) -> Complaint {
        var complaint = Complaint(description)
        complaint.status = .problem
        return complaint
    }
}
