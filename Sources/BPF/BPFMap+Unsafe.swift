// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

/// A map in the kernel; keys and values are plain structs of the layout that the programs use.
package struct BPFMap: Sendable {
    let descriptor: Int32
    let name: String

    /// Adds or replaces an entry.
    package func update<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        _ key: Key,
        to value: Value
    ) throws(BPFError) {
        let code = unsafe withUnsafePointer(to: key) { key in
            unsafe withUnsafePointer(to: value) { value in
                unsafe bpf_map_update_elem(descriptor, key, value, UInt64(BPF_ANY))
            }
        }
        guard code == 0 else { throw BPFError("bpf_map_update_elem", -code, on: name) }
    }

    /// Takes an entry away; one that is not there is no error.
    package func remove<Key: BitwiseCopyable>(_ key: Key) throws(BPFError) {
        let code = unsafe withUnsafePointer(to: key) { unsafe bpf_map_delete_elem(descriptor, $0) }
        guard code == 0 || code == -ENOENT else {
            throw BPFError("bpf_map_delete_elem", -code, on: name)
        }
    }

    /// The value at `key`, nil when there is none.
    ///
    /// `blank` gives the type, and its size.
    package func value<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        at key: Key,
        blank: Value
    ) -> Value? {
        var value = blank
        let code = unsafe withUnsafePointer(to: key) { key in
            unsafe withUnsafeMutablePointer(to: &value) { value in
                unsafe bpf_map_lookup_elem(descriptor, key, value)
            }
        }
        return code == 0 ? value : nil
    }

    /// The sum over all CPUs of a number in an array that has one for each.
    package func sum(at index: UInt32) throws(BPFError) -> UInt64 {
        let count = libbpf_num_possible_cpus()
        guard count > 0 else { throw BPFError("libbpf_num_possible_cpus", -count) }
        var values = [UInt64](repeating: 0, count: Int(count))
        let code = unsafe withUnsafePointer(to: index) { key in
            unsafe bpf_map_lookup_elem(descriptor, key, &values)
        }
        guard code == 0 else { throw BPFError("bpf_map_lookup_elem", -code, on: name) }
        return values.reduce(0, &+)
    }
}
