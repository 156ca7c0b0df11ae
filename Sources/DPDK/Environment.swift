// SPDX-License-Identifier: Apache-2.0
import CDPDK
import Synchronization

/// DPDK's environment abstraction layer: there is one in a process.
public enum Environment {
    /// Lines that DPDK has logged and nobody has read yet, oldest first.
    private static let log = Mutex(LogBuffer())

    private struct LogBuffer {
        var partial = ""
        var lines: [String] = []
    }

    /// Starts EAL; what it says meanwhile is in `takeLog()`.
    public static func start(_ options: EALOptions) throws(DPDKError) {
        let captured = unsafe CDPDK_capture_log { text, length in
            guard let text = unsafe text else { return }
            let bytes = unsafe UnsafeRawBufferPointer(start: text, count: length)
            Environment.append(unsafe String(decoding: bytes, as: UTF8.self))
        }
        try check(captured, "rte_openlog_stream")
        // EAL keeps pointers into its arguments for as long as the process lives.
        let arguments = options.arguments
        let vector = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
            .allocate(capacity: arguments.count + 1)
        for (index, argument) in arguments.enumerated() {
            unsafe (vector + index).initialize(to: copyOfCString(argument))
        }
        unsafe (vector + arguments.count).initialize(to: nil)
        try check(unsafe CDPDK_start(Int32(arguments.count), vector), "rte_eal_init")
    }

    /// Gives everything back; ports are closed and pools freed before.
    public static func stop() { CDPDK_stop() }

    /// "DPDK 22.11.11".
    public static var version: String { unsafe String(cString: CDPDK_version()) }

    /// The version that the program was compiled against, in the same form.
    public static var builtVersion: String { unsafe String(cString: CDPDK_built_version()) }

    /// Cycles per second of the processor's time-stamp counter.
    public static var cycleFrequency: UInt64 { CDPDK_cycle_frequency() }

    /// Takes the lines that DPDK has logged.
    public static func takeLog() -> [String] {
        log.withLock { buffer in
            defer { buffer.lines = [] }
            return buffer.lines
        }
    }

    private static func append(_ text: String) {
        log.withLock { buffer in
            buffer.partial += text
            var lines = buffer.partial.split(separator: "\n", omittingEmptySubsequences: false)
            buffer.partial = lines.popLast().map(String.init) ?? ""
            buffer.lines += lines.filter { !$0.isEmpty }.map(String.init)
            // A driver that never stops talking must not fill the memory.
            if buffer.lines.count > 1000 { buffer.lines.removeFirst(buffer.lines.count - 1000) }
        }
    }

    private static func copyOfCString(_ text: String) -> UnsafeMutablePointer<CChar> {
        let bytes = text.utf8CString
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
        for (index, byte) in bytes.enumerated() { unsafe (copy + index).initialize(to: byte) }
        return unsafe copy
    }

    // MARK: - Lcores

    /// The lcores besides the main one.
    public static var workerLcores: [Int] {
        unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 256) { lcores in
            unsafe lcores.initialize(repeating: 0)
            let count = unsafe CDPDK_worker_lcores(lcores.baseAddress, 256)
            return unsafe lcores.prefix(Int(count)).map(Int.init)
        }
    }

    /// Runs `function(context)` on an idle lcore.
    public static func launch(
        lcore: Int,
        _ function: @convention(c) (UnsafeMutableRawPointer?) -> Int32,
        _ context: UnsafeMutableRawPointer
    ) throws(DPDKError) {
        try check(
            unsafe CDPDK_launch(UInt32(lcore), function, context),
            "rte_eal_remote_launch",
            on: "lcore \(lcore)"
        )
    }

    /// Waits until the function on `lcore` has returned.
    public static func wait(lcore: Int) { _ = CDPDK_wait(UInt32(lcore)) }
}
