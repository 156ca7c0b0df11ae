// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet

/// How a service's packets without a connection find the backend that their connection id names.
///
/// A handle to memory that its maker destroys. Ciphers have state, so there is a router a worker.
@safe
public struct QUICRouting: BitwiseCopyable, @unchecked Sendable {
    @unsafe
    private struct Contents {
        var routers: UnsafeMutablePointer<QUICRouter>
        var workers: Int
        var namesAddresses: Bool
    }

    /// Behind a pointer, so that a service fits a cache line.
    private let contents: UnsafeMutablePointer<Contents>

    /// Nil when a configuration is impossible or memory is short; backends in `configurations` are
    /// places in the service's list.
    public init?(
        namesAddresses: Bool,
        _ configurations: [QUICRouter.Configuration],
        workers: Int
    ) {
        let routers = UnsafeMutablePointer<QUICRouter>.allocate(capacity: workers)
        for worker in 0..<workers {
            guard let router = QUICRouter(configurations) else {
                unsafe routers.deinitialize(count: worker)
                unsafe routers.deallocate()
                return nil
            }
            unsafe (routers + worker).initialize(to: router)
        }
        unsafe contents = .allocate(capacity: 1)
        unsafe contents.initialize(
            to: Contents(routers: routers, workers: workers, namesAddresses: namesAddresses)
        )
    }

    public func destroy() {
        unsafe contents.pointee.routers.deinitialize(count: contents.pointee.workers)
        unsafe contents.pointee.routers.deallocate()
        unsafe contents.deallocate()
    }

    /// The place in the list of `service` of the backend that a packet belongs to, whatever its
    /// weight; nil when its id, which a client may have made up, names none.
    func backend(of header: QUICHeader, in service: ServiceRecord, worker: Int) -> UInt32? {
        guard !header.mayCarryClientID, let id = header.destination else { return nil }
        if let backend = unsafe contents.pointee.routers[worker].backend(of: id) { return backend }
        guard unsafe contents.pointee.namesAddresses, let named = QUICBackendID(id) else {
            return nil
        }
        for place in 0..<service.backendCount where named.matches(service.backend(at: place)) {
            return place
        }
        return nil
    }
}

extension QUICBackendID {
    func matches(_ backend: BackendRecord) -> Bool {
        switch backend.address.address {
        case .v4(let address): matches(address, port: backend.port.bigEndian)
        case .v6(let address): matches(address, port: backend.port.bigEndian)
        }
    }
}

extension FlowKey {
    /// Takes the first eight octets of a connection id in.
    mutating func take(_ id: QUICConnectionID) {
        connectionID = id.bits(at: 0, 64)
        hasConnectionID = id.count > 0
    }
}
