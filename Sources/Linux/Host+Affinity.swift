// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

extension Host {
    /// Keeps the calling thread on one CPU from now on.
    package static func pin(toCPU cpu: Int) throws(LinuxError) {
        guard CLinux_pin(Int32(clamping: cpu)) == 0 else {
            throw LinuxError("sched_setaffinity", on: "CPU \(cpu)")
        }
    }
}
