// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// Takes events from an inotify descriptor apart.
enum InotifyReader {
    /// Everything that waits on the non-blocking `descriptor`; `directories` by watch.
    static func pending(
        _ descriptor: Int32,
        _ directories: [Int32: [String]]
    ) -> [DirectoryWatch.Event] {
        var events: [DirectoryWatch.Event] = []
        unsafe withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 8) { buffer in
            while true {
                let count = unsafe read(descriptor, buffer.baseAddress, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                unsafe take(buffer.prefix(count), directories, into: &events)
            }
        }
        return events
    }

    /// The kernel writes whole events: a header and a name padded with zeros.
    private static func take(
        _ bytes: Slice<UnsafeMutableRawBufferPointer>,
        _ directories: [Int32: [String]],
        into events: inout [DirectoryWatch.Event]
    ) {
        let all = unsafe UnsafeRawBufferPointer(rebasing: bytes)
        let headerSize = MemoryLayout<inotify_event>.size
        var offset = 0
        while offset + headerSize <= all.count {
            let header = unsafe all.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
            let start = offset + headerSize
            let name = unsafe all[start..<start + Int(header.len)].prefix { $0 != 0 }
            let text = unsafe String(decoding: name, as: UTF8.self)
            offset = start + Int(header.len)
            let mask = header.mask
            if mask & UInt32(IN_Q_OVERFLOW) != 0 { events.append(.overflow) }
            for directory in directories[header.wd] ?? [] {
                if mask & UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED) != 0 {
                    events.append(.gone(directory: directory))
                } else {
                    events.append(.changed(directory: directory, name: text))
                }
            }
        }
    }
}
