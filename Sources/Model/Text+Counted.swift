// SPDX-License-Identifier: Apache-2.0

/// "1 queue", "2 queues".
package func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
}
