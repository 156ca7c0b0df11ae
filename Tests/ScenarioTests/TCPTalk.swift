// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketTesting
import Testing

/// One TCP connection through a world, with the sequence numbers that both ends believe in.
struct TCPTalk {
    var world: World
    let client: String
    let service: String
    /// What the balancer made of the client's SYN.
    let backend: String
    let local: String
    /// What each end sends next.
    var clientSequence: UInt32 = 1001
    var backendSequence: UInt32 = 9001

    /// Opens a connection, up to and including the third segment unless told otherwise; nil when the
    /// SYN does not reach a backend.
    init?(
        _ world: World,
        from client: String = "10.0.0.10:40000",
        to service: String = "10.0.0.100:80",
        isAnswered: Bool = true
    ) {
        (self.world, self.client, self.service) = (world, client, service)
        _ = (world.take(0), world.take(1))
        world.send(
            TransportFrame(from: client, to: service) {
                $0.flags = Frame.syn
                $0.sequence = 1000
            }
            .octets,
            on: 0
        )
        guard let syn = world.take(1).first, let backend = syn.destination, let local = syn.source
        else { return nil }
        (self.backend, self.local) = (backend.description, local.description)
        guard isAnswered else { return }
        backendSequence = 9000
        answer(Frame.synAck)
        backendSequence = 9001
        ask(Frame.ack)
        _ = (world.take(0), world.take(1))
    }

    /// A segment of the client.
    func ask(_ flags: UInt8 = Frame.push, data: [UInt8] = [], sequence: UInt32? = nil) {
        world.send(segment(client, service, flags, data, sequence ?? clientSequence), on: 0)
    }

    /// A segment of the backend.
    func answer(_ flags: UInt8 = Frame.push, data: [UInt8] = [], sequence: UInt32? = nil) {
        let octets = segment(backend, local, flags, data, sequence ?? backendSequence)
        let mac: [UInt8] = [2, 0, 0, 0, 0, 2]
        world.send(mac + octets.dropFirst(6), on: 1)
    }

    private func segment(
        _ from: String,
        _ to: String,
        _ flags: UInt8,
        _ data: [UInt8],
        _ sequence: UInt32
    ) -> [UInt8] {
        TransportFrame(from: from, to: to) {
            $0.flags = flags
            $0.sequence = sequence
            $0.acknowledgment = from == client ? backendSequence : clientSequence
            $0.data = data
        }
        .octets
    }
}

extension World {
    /// A UDP exchange; the backend's last octet, or nil when nothing reached one.
    func ask(_ client: Int, port: Int = 5000, on queue: Int = 0) -> Int? {
        send(Frame.udp(from: "10.0.0.\(client):\(port)", to: "10.0.0.100:80"), on: 0, queue: queue)
        let address = take(1).first?.destination?.address.ipv4
        return address.map { Int($0.rawValue & 0xFF) }
    }
}
