// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

/// A place among the programs that run for every packet an interface receives (tc-bpf(8), clsact).
///
/// What stands there stays when the process ends, and goes with `remove` or with the interface.
package struct IngressFilter: Hashable, Sendable {
    /// The interface's name, for errors.
    package var interface: String
    /// Its number.
    package var index: UInt32
    /// Filters of lower priority run first; 1 is the lowest.
    package var priority: UInt32
    /// Tells filters of one priority apart; others, Cilium for one, use 1.
    package var handle: UInt32

    package init(interface: String, index: UInt32, priority: UInt32, handle: UInt32) {
        self.interface = interface
        self.index = index
        self.priority = priority
        self.handle = handle
    }

    /// Puts the program behind `descriptor` here, in the place of the one that was.
    package func put(_ descriptor: Int32) throws(BPFError) {
        var hook = hook
        var options = options
        options.prog_fd = descriptor
        options.flags = UInt32(BPF_TC_F_REPLACE.rawValue)
        let (code, log) = BPFLog.during {
            let made = unsafe bpf_tc_hook_create(&hook)
            // The place for filters of others may be there already.
            guard made == 0 || made == -EEXIST else { return made }
            return unsafe bpf_tc_attach(&hook, &options)
        }
        guard code == 0 else { throw BPFError("bpf_tc_attach", -code, on: interface, log: log) }
    }

    /// The kernel's number of the program that is here; nil when there is none.
    package var program: UInt32? {
        var hook = hook
        var options = options
        let (code, _) = BPFLog.during { unsafe bpf_tc_query(&hook, &options) }
        return code == 0 ? options.prog_id : nil
    }

    /// Takes the program away; false when there was none.
    package func remove() throws(BPFError) -> Bool {
        var hook = hook
        var options = options
        let (code, log) = BPFLog.during { unsafe bpf_tc_detach(&hook, &options) }
        if code == 0 { return true }
        // EINVAL: the interface has no place for filters at all.
        guard code == -ENOENT || code == -EINVAL else {
            throw BPFError("bpf_tc_detach", -code, on: interface, log: log)
        }
        return false
    }

    private var hook: bpf_tc_hook {
        var hook = bpf_tc_hook()
        hook.sz = optionSize(\bpf_tc_hook.parent)
        hook.ifindex = Int32(bitPattern: index)
        hook.attach_point = BPF_TC_INGRESS
        return hook
    }

    private var options: bpf_tc_opts {
        var options = bpf_tc_opts()
        options.sz = optionSize(\bpf_tc_opts.priority)
        options.handle = handle
        options.priority = priority
        return options
    }
}

extension BPFObject {
    /// What a loaded program of packets makes of `packet`, without a network: its verdict and the packet
    /// afterwards. (BPF_PROG_TEST_RUN)
    package func run(
        _ name: String,
        on packet: [UInt8]
    ) throws(BPFError) -> (verdict: UInt32, packet: [UInt8]) {
        let descriptor = try descriptor(of: name)
        var output = [UInt8](repeating: 0, count: packet.count + 256)
        var options = unsafe bpf_test_run_opts()
        let code = unsafe packet.withUnsafeBytes { input in
            unsafe output.withUnsafeMutableBytes { output in
                unsafe options.sz = optionSize(\bpf_test_run_opts.batch_size)
                unsafe options.data_in = input.baseAddress
                unsafe options.data_size_in = UInt32(input.count)
                unsafe options.data_out = output.baseAddress
                unsafe options.data_size_out = UInt32(output.count)
                return unsafe bpf_prog_test_run_opts(descriptor, &options)
            }
        }
        guard code == 0 else { throw BPFError("bpf_prog_test_run_opts", -code, on: name) }
        return unsafe (options.retval, Array(output.prefix(Int(options.data_size_out))))
    }
}

/// Octets of an option struct up to the end of `last`, its last field.
///
/// libbpf wants zeros behind what it knows, and Swift does not copy the padding at the end.
private func optionSize<Options>(_ last: PartialKeyPath<Options>) -> Int {
    (MemoryLayout<Options>.offset(of: last) ?? 0) + MemoryLayout<UInt32>.size
}
