// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// Facts about the machine and the process's place on it.
package enum Host {
    /// CPUs that the process may run on, in order.
    package static func usableCPUs() -> [Int] {
        unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: 1024) { cpus in
            unsafe cpus.initialize(repeating: 0)
            let count = unsafe CLinux_usable_cpus(cpus.baseAddress, 1024)
            return unsafe cpus.prefix(Int(max(0, count))).map(Int.init)
        }
    }

    /// Pages of each size above the usual one that are free now.
    package static func freeHugepages(
        in directory: String = "/sys/kernel/mm/hugepages"
    ) -> [(size: Int, count: Int)] {
        let names = (try? Files.list(directory)) ?? []
        return names.compactMap { name in
            // hugepages-2048kB
            guard
                let digits = name.split(separator: "-").last?.prefix(while: \.isNumber),
                let kibibytes = Int(digits),
                let text = try? Files.read("\(directory)/\(name)/free_hugepages", limit: 64),
                let count = Int(String(decoding: text, as: UTF8.self).prefix(while: \.isNumber))
            else { return nil }
            return (kibibytes * 1024, count)
        }
    }

    package static var monotonicNanoseconds: UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Another one after every boot of the kernel; empty where it does not tell.
    package static var bootID: String {
        let text = try? Files.read("/proc/sys/kernel/random/boot_id", limit: 64)
        return String(decoding: (text ?? []).prefix { $0 != 10 }, as: UTF8.self)
    }

    /// The processor's time-stamp counter.
    package static var cycles: UInt64 { CLinux_cycles() }

    /// 64 bits from the kernel's generator.
    package static func randomNumber() throws(LinuxError) -> UInt64 {
        var number: UInt64 = 0
        let count = unsafe withUnsafeMutableBytes(of: &number) { bytes in
            unsafe getrandom(bytes.baseAddress, bytes.count, 0)
        }
        guard count == 8 else { throw LinuxError("getrandom") }
        return number
    }
}
