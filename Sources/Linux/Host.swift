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

    /// Sets a variable of the environment for what the process does from now on.
    package static func setVariable(_ name: String, _ value: String) {
        unsafe setenv(name, value, 1)
    }

    /// Names the network namespace of the process: "net:[4026531840]".
    package static var networkNamespace: String { Files.link("/proc/self/ns/net") ?? "net:[]" }

    package static var monotonicNanoseconds: UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Time that all threads of the process have had on CPUs.
    package static var processNanoseconds: UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Since 1970.
    package static var secondsOfWallClock: UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(max(0, time.tv_sec))
    }

    /// Lets the process open as many files as it may at all; returns how many that are.
    package static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return .max
        }
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }

    /// Another one after every boot of the kernel; empty where it does not tell.
    package static var bootID: String { kernelText("random/boot_id") }

    /// A line under /proc/sys/kernel.
    private static func kernelText(_ name: String) -> String {
        let text = try? Files.read("/proc/sys/kernel/\(name)", limit: 128)
        return String(decoding: (text ?? []).prefix { $0 != 10 }, as: UTF8.self)
    }

    /// The name of the machine, or of the pod.
    package static var name: String { kernelText("hostname") }

    /// The kernel's release: "6.1.0-18-amd64".
    package static var kernelRelease: String { kernelText("osrelease") }

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
