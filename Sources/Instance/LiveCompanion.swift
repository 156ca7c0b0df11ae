// SPDX-License-Identifier: Apache-2.0
import Addressing
import DPDK
import Dataplane
import Linux
import Model
import Networking
import Provisioning

/// The kernel's side of an interface: an interface by which other programs of this host use the link.
struct LiveCompanion: Sendable {
    /// What it was made for.
    var request: CompanionRequest
    /// "virtio_user" or "tap".
    var kind: String
    /// What the slow path uses.
    var dataplane: Companion
    var tap: Tap?
    var device: Device?

    var name: String { request.name }
    /// The same while it is the same interface of the kernel.
    var identity: String { "\(name) \(tap?.descriptor ?? -1)" }
    var isOfVLAN: Bool { !request.interface.isPort }

    /// Ends it; the slow path does not use it any more.
    func close() {
        tap?.close()
        device?.close()
    }
}

/// Why a companion cannot be had.
struct CompanionError: Error {
    /// What it would take.
    enum Lack {
        /// The right to make one, or the kernel's means.
        case privilege
        /// A name that can be had.
        case name
        /// A port that the kernel can be like: with an address of its own.
        case likeness
    }

    var reason: String
    var lack: Lack
    /// Whether it goes without one when nobody insists.
    var isExcused: Bool

    init(_ reason: String, lack: Lack, isExcused: Bool? = nil) {
        self.reason = reason
        self.lack = lack
        self.isExcused = isExcused ?? (lack != .name)
    }

    /// `otherwise`: what it would take when it is no privilege.
    init(_ error: LinuxError, otherwise lack: Lack) {
        if error.isBusy {
            self.init("another process uses it", lack: .name)
        } else {
            let isPrivilege = error.isForbidden || error.isMissing
            self.init("\(error)", lack: isPrivilege ? .privilege : lack)
        }
    }
}

/// Makes companions of the ports and of what they carry.
struct CompanionMaker: Sendable {
    let ports: PortSet
    /// One for each port, to take buffers from.
    let handles: [DPDKPort]

    private static let vhost = "/dev/vhost-net"

    /// Makes what is asked for, or attaches to what is there; its carrier is the link of the port.
    func make(_ request: CompanionRequest) throws(CompanionError) -> LiveCompanion {
        guard request.name.utf8.count <= CompanionType.longestName else {
            // A name that nobody chose is nobody's mistake.
            throw CompanionError(
                "its name has more than \(CompanionType.longestName) characters",
                lack: .name,
                isExcused: !request.isNameGiven
            )
        }
        let isThere = Tap.exists(request.name)
        let isOfPort = request.interface.isPort
        switch request.type {
        case .existing where !isThere:
            throw CompanionError("there is no interface of this name", lack: .privilege)
        case _ where isThere && !request.isTunnel && !Tap.isTap(request.name):
            throw CompanionError("the interface of this name is no TAP", lack: .name)
        case _ where isThere && request.isTunnel && !Tap.isTun(request.name):
            throw CompanionError("the interface of this name is no TUN", lack: .name)
        case .virtioUser,
            .auto where !isThere && isOfPort && Files.isWritable(Self.vhost):
            return try makeVirtioUser(request)
        case .auto, .existing, .tap, .off: return try openTap(request)
        }
    }

    private func openTap(_ request: CompanionRequest) throws(CompanionError) -> LiveCompanion {
        let tap: Tap
        do throws(LinuxError) {
            tap = try Tap(request.name, isTunnel: request.isTunnel)
        } catch {
            throw CompanionError(error, otherwise: .name)
        }
        do throws(CompanionError) {
            return try lead(tap, to: request)
        } catch {
            tap.close()
            throw error
        }
    }

    /// Lets an open TAP be what is asked for.
    func lead(_ tap: Tap, to request: CompanionRequest) throws(CompanionError) -> LiveCompanion {
        let device = ports.ports[request.port].device
        do throws(LinuxError) {
            let address = device.facts.macAddress.rawValue
            try NetworkInterface.prepare(
                request.name,
                address: request.isTunnel ? nil : address,
                mtu: request.mtu
            )
        } catch {
            throw CompanionError(error, otherwise: .likeness)
        }
        try? tap.setCarrier(ports.ports[request.port].link.isUp)
        let port = TapPort(tap, beside: handles[request.port])
        return LiveCompanion(
            request: request,
            kind: request.isTunnel ? "tun" : "tap",
            dataplane: Companion(port, carriage: request.isTunnel ? .packets : .frames),
            tap: tap
        )
    }

    /// DPVS's way: the kernel's vhost thread moves the packets.
    private func makeVirtioUser(
        _ request: CompanionRequest
    ) throws(CompanionError) -> LiveCompanion {
        let address = ports.ports[request.port].device.facts.macAddress
        let arguments =
            "net_virtio_user\(request.port),path=\(Self.vhost),queues=1,queue_size=1024,"
            + "iface=\(request.name),mac=\(address)"
        do {
            let device = try Device.make(arguments)
            var setup = Device.Setup()
            setup.receiveDescriptors = 1024
            setup.transmitDescriptors = 1024
            setup.mtu = request.mtu
            let started = try device.start(setup, pool: ports.pool).applied
            try NetworkInterface.prepare(
                request.name,
                address: address.rawValue,
                mtu: started.mtu
            )
            let handle = device.handle(
                index: request.port,
                receiveQueue: 0,
                transmitQueue: 0,
                mtu: started.mtu,
                pool: ports.pool
            )
            return LiveCompanion(
                request: request,
                kind: "virtio_user",
                dataplane: Companion(handle),
                device: device
            )
        } catch {
            throw CompanionError("\(error)", lack: .privilege)
        }
    }
}
