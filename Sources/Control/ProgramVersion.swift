// SPDX-License-Identifier: Apache-2.0

/// The version of all programs of this package.
package enum ProgramVersion {
    package static let number = "0.1.0"
}
