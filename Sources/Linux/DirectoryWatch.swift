// SPDX-License-Identifier: Apache-2.0
import CLinux
import Dispatch
import Glibc
import Synchronization

/// Says when something in some directories changes, by inotify(7).
///
/// It tells that there was a change and where, not what: whoever listens reads the files again.
package final class DirectoryWatch: Sendable {
    package enum Event: Hashable, Sendable {
        /// A file of this directory was written, made, renamed, or taken away.
        case changed(directory: String, name: String)
        /// The directory itself went away; it is not watched any more.
        case gone(directory: String)
        /// The kernel dropped events: anything may have changed.
        case overflow
    }

    /// Ends with `stop`; for one listener.
    ///
    /// Who does not listen misses the oldest.
    package let events: AsyncStream<Event>

    private let source: Mutex<any DispatchSourceRead>
    private let continuation: AsyncStream<Event>.Continuation

    /// Watches those of `directories` that exist and are directories; `missing` gets the others.
    package init(
        _ directories: [String],
        missing: inout [String]
    ) throws(LinuxError) {
        let descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else { throw LinuxError("inotify_init1") }
        var watched: [Int32: [String]] = [:]
        for directory in directories {
            let watch = unsafe inotify_add_watch(descriptor, directory, Self.interests)
            guard watch >= 0 else {
                let code = errno
                guard code == ENOENT || code == ENOTDIR else {
                    close(descriptor)
                    throw LinuxError("inotify_add_watch", code, on: directory)
                }
                missing.append(directory)
                continue
            }
            watched[watch, default: []].append(directory)
        }
        let (events, continuation) = AsyncStream.makeStream(
            of: Event.self,
            bufferingPolicy: .bufferingNewest(256)
        )
        self.events = events
        self.continuation = continuation
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor)
        let names = watched
        source.setEventHandler {
            for event in InotifyReader.pending(descriptor, names) { continuation.yield(event) }
        }
        source.setCancelHandler {
            close(descriptor)
            continuation.finish()
        }
        source.activate()
        self.source = Mutex(source)
    }

    deinit { stop() }

    /// Ends the stream of events and frees what the kernel holds.
    package func stop() { source.withLock { $0.cancel() } }

    /// Enough for writes in place, editors that rename, and Kubernetes' swap of `..data`.
    private static let interests =
        UInt32(
            IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM
                | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF
        ) | UInt32(IN_ONLYDIR)
}
