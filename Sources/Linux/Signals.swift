// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Synchronization

/// Signals of the operating system, one after another.
package final class Signals: Sendable {
    package enum Kind: Int32, Sendable, CaseIterable, CustomStringConvertible {
        /// Read the files again.
        case hangup = 1
        /// Stop, from a keyboard.
        case interrupt = 2
        /// Stop.
        case terminate = 15

        package var description: String {
            switch self {
            case .hangup: "SIGHUP"
            case .interrupt: "SIGINT"
            case .terminate: "SIGTERM"
            }
        }
    }

    /// For one listener; ends with `stop`.
    package let arrivals: AsyncStream<Kind>
    private let sources: Mutex<[any DispatchSourceSignal]>
    private let continuation: AsyncStream<Kind>.Continuation
    private let interceptor = Interceptor()

    /// Takes these signals over from their default, which ends the process.
    ///
    /// Returns when they are taken over. libdispatch blocks them and reads a signalfd; ignoring them
    /// would lose them on Linux.
    package init(_ kinds: [Kind] = Kind.allCases) {
        let (arrivals, continuation) = AsyncStream.makeStream(of: Kind.self)
        self.arrivals = arrivals
        self.continuation = continuation
        var sources: [any DispatchSourceSignal] = []
        let registered = DispatchSemaphore(value: 0)
        for kind in kinds {
            let source = DispatchSource.makeSignalSource(signal: kind.rawValue)
            source.setEventHandler { [interceptor] in
                let handler = interceptor.handler.withLock { $0 }
                if handler?(kind) != true { continuation.yield(kind) }
            }
            source.setRegistrationHandler { registered.signal() }
            source.activate()
            registered.wait()
            sources.append(source)
        }
        self.sources = Mutex(sources)
    }

    /// From now on `handler` hears a signal first, on a thread of the system's, whatever the process
    /// does meanwhile; one that it returns true for is not among `arrivals`.
    package func intercept(_ handler: (@Sendable (Kind) -> Bool)?) {
        interceptor.handler.withLock { $0 = handler }
    }

    private final class Interceptor: Sendable {
        let handler = Mutex<(@Sendable (Kind) -> Bool)?>(nil)
    }

    deinit { stop() }

    package func stop() {
        sources.withLock { for source in $0 { source.cancel() } }
        continuation.finish()
    }
}
