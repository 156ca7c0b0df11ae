// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

/// A program that is attached to a control group until this value, or the process, ends; where the link is pinned,
/// until the pin is removed.
@safe
package final class BPFLink {
    private let link: OpaquePointer

    @unsafe
    init(_ link: OpaquePointer) { unsafe self.link = link }

    /// The link that is pinned at `path`; nil when there is none.
    init?(pinnedAt path: String) {
        let (link, _) = unsafe BPFLog.during { unsafe bpf_link__open(path) }
        guard let link = unsafe link else { return nil }
        unsafe self.link = link
    }

    deinit { unsafe _ = bpf_link__destroy(link) }

    /// Puts `program` in the place of the one that the link had; false when the kernel does not do that.
    @unsafe
    func runs(_ program: OpaquePointer) -> Bool {
        let (code, _) = BPFLog.during { unsafe bpf_link__update_program(link, program) }
        return code == 0
    }

    func pin(at path: String) throws(BPFError) {
        let (code, log) = BPFLog.during { unsafe bpf_link__pin(link, path) }
        guard code == 0 else { throw BPFError("bpf_link__pin", -code, on: path, log: log) }
    }
}

extension BPFObject {
    /// Has `load` take the map that is pinned at `path`, or pin a new one there, so that its entries outlive the
    /// process.
    ///
    /// A pinned map that is defined otherwise than this one is removed first, and lives on only for
    /// programs that use it still: false then.
    package func keep(_ map: String, at path: String) throws(BPFError) -> Bool {
        let map = unsafe try find(map)
        let pinned = unsafe bpf_obj_get(path)
        var isAsBefore = true
        if pinned >= 0 {
            var facts = bpf_map_info()
            var size = UInt32(MemoryLayout<bpf_map_info>.size)
            let code = unsafe bpf_obj_get_info_by_fd(pinned, &facts, &size)
            close(pinned)
            isAsBefore =
                unsafe code == 0 && facts.type == bpf_map__type(map).rawValue
                && facts.key_size == bpf_map__key_size(map)
                && facts.value_size == bpf_map__value_size(map)
                && facts.max_entries == bpf_map__max_entries(map)
                && facts.map_flags == bpf_map__map_flags(map)
            if !isAsBefore { unsafe _ = unlink(path) }
        }
        let code = unsafe bpf_map__set_pin_path(map, path)
        guard code == 0 else { throw BPFError("bpf_map__set_pin_path", -code, on: path) }
        return isAsBefore
    }
}

/// File systems that stand for something of the kernel.
package enum KernelFileSystem {
    /// Files are maps and links (bpf(2), BPF_OBJ_PIN).
    case bpf
    /// Directories are control groups of version 2.
    case controlGroups

    /// Whether `path`, which has to be there, is in one.
    package func contains(_ path: String) -> Bool {
        var facts = statfs()
        guard unsafe statfs(path, &facts) == 0 else { return false }
        return switch self {
        case .bpf: facts.f_type == BPF_FS_MAGIC
        case .controlGroups: facts.f_type == CGROUP2_SUPER_MAGIC
        }
    }
}
