// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

/// An object file with eBPF programs and maps, from its octets to what the kernel has of it.
///
/// Programs and maps are known by their names in C. The kernel keeps them until this value, and every link and
/// filter that uses them, is gone.
@safe
package final class BPFObject {
    private let object: OpaquePointer

    /// Reads the ELF file at `start`; nothing is loaded yet.
    @unsafe
    package init(_ start: UnsafeRawPointer, count: Int) throws(BPFError) {
        let (object, log) = unsafe BPFLog.during { unsafe bpf_object__open_mem(start, count, nil) }
        guard let object = unsafe object else {
            throw BPFError("bpf_object__open_mem", errno, log: log)
        }
        unsafe self.object = object
    }

    deinit { unsafe bpf_object__close(object) }

    // MARK: - Before it is loaded

    /// The programs, in the order of the file.
    package var programs: [String] {
        var names: [String] = []
        var program = unsafe bpf_object__next_program(object, nil)
        while let current = unsafe program {
            unsafe names.append(String(cString: bpf_program__name(current)))
            unsafe program = bpf_object__next_program(object, current)
        }
        return names
    }

    /// Leaves every other program out.
    package func select(_ names: Set<String>) throws(BPFError) {
        for name in programs {
            let code = unsafe bpf_program__set_autoload(try program(name), names.contains(name))
            guard code == 0 else { throw BPFError("bpf_program__set_autoload", -code, on: name) }
        }
    }

    /// Gives a map room for `entries`.
    package func resize(_ map: String, to entries: Int) throws(BPFError) {
        let code = unsafe bpf_map__set_max_entries(try find(map), UInt32(clamping: entries))
        guard code == 0 else { throw BPFError("bpf_map__set_max_entries", -code, on: map) }
    }

    /// Sets the constants of the programs, which are one struct of type `Value`.
    package func setConstants<Value: BitwiseCopyable>(_ value: Value) throws(BPFError) {
        let map = unsafe try find(".rodata")
        let code = unsafe withUnsafeBytes(of: value) { bytes in
            unsafe bpf_map__set_initial_value(map, bytes.baseAddress, bytes.count)
        }
        guard code == 0 else { throw BPFError("bpf_map__set_initial_value", -code) }
    }

    /// Gives the kernel the maps and the selected programs, all or nothing.
    package func load() throws(BPFError) {
        let (code, log) = BPFLog.during { unsafe bpf_object__load(object) }
        guard code == 0 else { throw BPFError("bpf_object__load", -code, log: log) }
    }

    // MARK: - Loaded

    /// Attaches a program to the control group behind an open directory, beside those of others.
    ///
    /// With `pin`, a path in a BPF file system, the link outlives the process. One that is there already gets the
    /// program in the place of its own, so that no call finds neither; unless its control group is gone.
    package func attach(
        _ name: String,
        toGroup directory: Int32,
        pinnedAt pin: String? = nil
    ) throws(BPFError) -> BPFLink {
        let program = unsafe try program(name)
        if let pin, let former = BPFLink(pinnedAt: pin) {
            if unsafe former.runs(program) { return former }
            unsafe _ = unlink(pin)
        }
        let (link, log) = unsafe BPFLog.during {
            unsafe bpf_program__attach_cgroup(program, directory)
        }
        guard let link = unsafe link else {
            throw BPFError("bpf_program__attach_cgroup", errno, on: name, log: log)
        }
        let new = unsafe BPFLink(link)
        if let pin { try new.pin(at: pin) }
        return new
    }

    /// The descriptor of a loaded program.
    package func descriptor(of name: String) throws(BPFError) -> Int32 {
        let descriptor = unsafe bpf_program__fd(try program(name))
        guard descriptor >= 0 else { throw BPFError("bpf_program__fd", -descriptor, on: name) }
        return descriptor
    }

    /// The kernel's number of a loaded program.
    package func number(of name: String) throws(BPFError) -> UInt32 {
        var facts = bpf_prog_info()
        var size = UInt32(MemoryLayout<bpf_prog_info>.size)
        let code = unsafe bpf_obj_get_info_by_fd(try descriptor(of: name), &facts, &size)
        guard code == 0 else { throw BPFError("bpf_obj_get_info_by_fd", -code, on: name) }
        return facts.id
    }

    /// A loaded map, which lives as long as this value.
    package func map(_ name: String) throws(BPFError) -> BPFMap {
        let descriptor = unsafe bpf_map__fd(try find(name))
        guard descriptor >= 0 else { throw BPFError("bpf_map__fd", -descriptor, on: name) }
        return BPFMap(descriptor: descriptor, name: name)
    }

    private func program(_ name: String) throws(BPFError) -> OpaquePointer {
        guard let program = unsafe bpf_object__find_program_by_name(object, name) else {
            throw BPFError("bpf_object__find_program_by_name", ENOENT, on: name)
        }
        return unsafe program
    }

    func find(_ map: String) throws(BPFError) -> OpaquePointer {
        // The compiler's own maps have the object's name in front.
        if let found = unsafe bpf_object__find_map_by_name(object, map) { return unsafe found }
        throw BPFError("bpf_object__find_map_by_name", ENOENT, on: map)
    }
}
