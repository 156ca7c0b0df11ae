// SPDX-License-Identifier: Apache-2.0

/// What `dpvs.conf` says.
package struct Settings: Equatable, Codable, Sendable {
    package init() {}
}
