// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Networking
import Packet
import PacketTesting
import Provisioning
import Testing
import Timing

/// A whole dataplane between two links in memory, on a clock that moves only when told.
///
///     clients 10.0.0.0/24 -- port 0 [ workers, slow path ] port 1 -- backends 10.0.1.0/24
///
/// Hosts on both links answer ARP and neighbour solicitations by themselves; frames go in with `send`
/// and come out of `take`.
final class World {
    static let portMACs = [
        MACAddress(rawValue: 0x0200_0000_0001), MACAddress(rawValue: 0x0200_0000_0002),
    ]

    private(set) var now = Instant(nanoseconds: 1_000_000_000)
    let pool: MemoryPool
    let links: [MemoryLink]
    /// The kernel's sides of ports, where there are any: what was handed up departs there.
    let companions: [Int: MemoryLink]
    /// Makes companions of VLANs.
    let kernel = MemoryKernel()
    let engine: Engine
    let slowPath: SlowPath<MemoryPort>
    let provisioner: Provisioner
    private var boxes: [WorkerBox] = []
    /// Who answers ARP on each link.
    var hosts: [[IPv4Address: MACAddress]] = [[:], [:]]
    /// Who answers neighbour solicitations.
    var hosts6: [[IPv6Address: MACAddress]] = [[:], [:]]
    private var inbox: [[DecodedFrame]] = [[], []]
    private var packets: [[(frame: [UInt8], packet: IPPacket)]] = [[], []]

    /// A worker cannot be copied, so it lives in a box.
    private final class WorkerBox {
        var worker: Worker<MemoryPort>

        init(_ worker: consuming Worker<MemoryPort>) { self.worker = worker }
    }

    init(
        _ state: DesiredState,
        workers: Int = 1,
        connections: Int = 4096,
        buffers: Int = 8192,
        mtus: [UInt16] = [1500, 1500],
        offloads: PortTraits.Offloads = [],
        slowPathLimits: SlowPathLimits = SlowPathLimits(),
        scaling: ReceiveSideScaling? = nil,
        steering given: FamilySteering? = nil,
        hasLinkLocalAddresses: Bool = false,
        companions companionPorts: [Int] = [],
        after handover: Handover? = nil
    ) throws {
        pool = MemoryPool(buffers: buffers)
        links = (0..<2)
            .map { [pool] index in
                MemoryLink(
                    PortTraits(
                        index: UInt16(index),
                        macAddress: Self.portMACs[index],
                        mtu: mtus[index],
                        offloads: offloads
                    ),
                    queues: workers,
                    pool: pool
                )
            }
        companions = Dictionary(
            uniqueKeysWithValues: companionPorts.map { [pool, links] index in
                (index, MemoryLink(links[index].traits, pool: pool))
            }
        )
        let limits = DataplaneLimits(
            connectionsPerWorker: connections,
            backendSlots: 1 << 14,
            serviceSlots: 1 << 12,
            neighbours: 1 << 10
        )
        let steering =
            try given
            ?? scaling.map { scaling in
                let toeplitz = try required(Toeplitz(key: scaling.key))
                return try required(
                    FamilySteering(toeplitz, table: scaling.table, workers: workers)
                )
            }
        engine = try #require(
            Engine(
                workers: workers,
                limits: limits,
                seed: handover == nil ? 42 : 43,
                persistenceSeed: handover?.head.clientSeed,
                steering: steering
            )
        )
        for link in links { link.scaling = scaling }
        let handles = links.map { $0.port() }
        slowPath = try #require(
            SlowPath(
                engine: engine,
                ports: handles,
                companions: Dictionary(
                    uniqueKeysWithValues: companions.map {
                        (InterfaceID(port: $0.key), Companion($0.value.port()))
                    }
                ),
                limits: slowPathLimits,
                now: now
            )
        )
        provisioner = Provisioner(
            engine: engine,
            interfaces: [0, 1]
                .map { index in
                    Interface(
                        name: "dpdk\(index)",
                        id: InterfaceID(port: index),
                        mtu: Int(mtus[index]),
                        macAddress: hasLinkLocalAddresses ? Self.portMACs[index] : nil,
                        hasCompanion: companionPorts.contains(index)
                    )
                },
            neighbours: slowPath,
            companions: kernel
        )
        kernel.attach(slowPath, links, pool)
        for index in 0..<workers {
            let balancer = try required(engine.makeBalancer(index, now: now))
            let ports = links.map { $0.port(queue: index) }
            boxes.append(
                WorkerBox(
                    Worker(
                        index: index,
                        interchange: engine.interchange,
                        receivers: ports,
                        transmitters: ports,
                        balancer: balancer
                    )
                )
            )
        }
        if let handover { provisioner.takeOver(handover, at: now) }
        try apply(state)
    }

    deinit {
        for box in boxes { box.worker.stop() }
        slowPath.destroy()
        engine.destroy()
    }

    // MARK: - Configuration

    /// Compiles and publishes; workers see it from their next turn on.
    func apply(_ state: DesiredState) throws {
        provisioner.publish(try provisioner.compile(state, at: now))
        provisioner.finish()
    }

    func change(_ edit: (inout DesiredState) -> Void) throws {
        var state = provisioner.state
        edit(&state)
        try apply(state)
    }

    /// What this world leaves to the next one, through the form that files have.
    func leave() throws -> Handover {
        var (handover, places) = provisioner.leave(at: now)
        handover.clients = handover.clients.compactMap { SavedClient(reading: $0.encoded) }
        for box in boxes {
            box.worker.balancer.save(at: now.tick) { connection in
                var saved = connection
                saved.backendSlot = places[saved.backendSlot] ?? .max
                if let read = SavedConnection(reading: saved.encoded) {
                    handover.connections.append(read)
                }
            }
        }
        #expect(handover.connections.count == connectionCount)
        return handover
    }

    // MARK: - Time

    /// One turn of every thread; returns how many packets were handled.
    @discardableResult
    func turn() -> Int {
        boxes.indices.reduce(0) { $0 + turn(worker: $1) } + slowPath.turn(now: now)
    }

    /// One turn of one worker, as if the other threads were asleep.
    @discardableResult
    func turn(worker: Int) -> Int { boxes[worker].worker.turn(now: now) }

    /// Turns until nothing moves, answering ARP for the hosts.
    func settle() {
        var quietTurns = 0
        // A packet may pass worker, slow path and worker again without being seen outside.
        while quietTurns < 3 {
            quietTurns = turn() == 0 ? quietTurns + 1 : 0
            for port in links.indices {
                let frames = links[port].takeDeparted()
                if !frames.isEmpty { quietTurns = 0 }
                for frame in frames { receive(frame, from: port) }
            }
        }
    }

    /// Lets time pass in steps small enough for every timer, then settles.
    func advance(_ duration: Duration) {
        let step = Duration.milliseconds(100)
        var left = duration
        while left > .zero {
            now = now.advanced(by: min(left, step))
            left -= step
            settle()
        }
    }

    /// Lets time pass at once: whatever is due in between is due together.
    func leap(_ duration: Duration) { now = now.advanced(by: duration) }

    // MARK: - The kernel

    /// The kernel sends frames through the companion of `port`.
    func sendFromKernel(_ frames: [UInt8]..., on port: Int) {
        companions[port]?.deliver(frames)
        settle()
    }

    /// Frames that the kernel has got there since the last call.
    func takeKernel(_ port: Int) -> [[UInt8]] { companions[port]?.takeDeparted() ?? [] }

    /// A counter of the exception path.
    func exceptions(
        _ event: ExceptionCounters.Event,
        _ kind: ExceptionClass,
        _ port: Int = 0
    ) -> Int {
        Int(engine.interchange.exceptions(event, kind, port: port))
    }

    /// The companion of a VLAN, by its name; nil when there is none.
    func companion(_ name: String) -> MemoryLink? { kernel.shown[name]?.link }

    // MARK: - Frames

    func send(_ frames: [UInt8]..., on port: Int, queue: Int = 0) {
        for frame in frames { links[port].deliver(frame, queue: queue) }
        settle()
    }

    /// What the hosts on `port` have received since the last call, ARP and the like left out.
    func take(_ port: Int) -> [DecodedFrame] {
        defer { inbox[port].removeAll { $0.arp == nil && !$0.isLinkTalk } }
        return inbox[port].filter { $0.arp == nil && !$0.isLinkTalk }
    }

    /// One frame, of which the port says `flags`.
    func send(_ frame: [UInt8], flags: UInt64, on port: Int) {
        links[port].deliver(frame, flags: flags)
        settle()
    }

    /// What workers have found out about frames of a port.
    func received(_ kind: ReceiveCounters.Kind, _ port: Int = 0) -> Int {
        Int(engine.interchange.received(kind, port: port))
    }

    /// Runs `body` while the pool has only `count` buffers.
    func withoutBuffers(but count: Int, _ body: () throws -> Void) rethrows {
        let port = links[0].port()
        var taken = Burst(capacity: pool.capacity)
        while pool.capacity - pool.inUse > count, let packet = port.allocate() {
            taken.append(packet)
        }
        defer { port.free(&taken) }
        try body()
    }

    /// Neighbour discovery and multicast listener reports among it.
    func takeLinkTalk(_ port: Int) -> [DecodedFrame] {
        defer { inbox[port].removeAll { $0.isLinkTalk } }
        return inbox[port].filter(\.isLinkTalk)
    }

    /// The same as packets with all their octets; independent of `take`.
    func takePackets(_ port: Int) -> [IPPacket] {
        defer { packets[port] = [] }
        return packets[port].map(\.packet)
    }

    /// The same as frames.
    func takeFrames(_ port: Int) -> [[UInt8]] {
        defer { packets[port] = [] }
        return packets[port].map(\.frame)
    }

    /// A packet to us, in a frame to our address on `port`.
    func send(_ packet: IPPacket, on port: Int, queue: Int = 0) {
        var frame = packet.withChecksum.frame()
        frame.replaceSubrange(0..<6, with: Self.portMACs[port].octets)
        send(frame, on: port, queue: queue)
    }

    /// The ARP among it.
    func takeARP(_ port: Int) -> [DecodedFrame] {
        defer { inbox[port].removeAll { $0.arp != nil } }
        return inbox[port].filter { $0.arp != nil }
    }

    /// Octets of the VLAN tags in a frame.
    private static func tags(in frame: [UInt8]) -> [UInt8] {
        var end = 12
        while frame.count > end + 4, [[0x81, 0x00], [0x88, 0xA8]].contains(frame[end..<end + 2]) {
            end += 4
        }
        return Array(frame[12..<end])
    }

    /// Hosts understand every VLAN; `octets` of what they receive are with tags.
    private func receive(_ tagged: [UInt8], from port: Int) {
        let tags = Self.tags(in: tagged)
        let frame = Array(tagged.prefix(12) + tagged.dropFirst(12 + tags.count))
        guard var decoded = DecodedFrame(frame) else {
            Issue.record("an unreadable frame left port \(port): \(frame)")
            return
        }
        decoded.octets = tagged
        inbox[port].append(decoded)
        if decoded.arp == nil, !decoded.isLinkTalk, let packet = IPPacket(frame: frame) {
            packets[port].append((frame, packet))
        }
        answerSolicitation(decoded, from: port, tags)
        if let arp = decoded.arp, arp.operation == 1, arp.sender != arp.target,
            let mac = hosts[port][arp.target]
        {
            var reply = Frame.arp(
                isReply: true,
                from: arp.target.description,
                at: mac,
                to: arp.sender.description,
                at: decoded.sourceMAC
            )
            reply.insert(contentsOf: tags, at: 12)
            links[port].deliver(reply)
        }
    }

    private func answerSolicitation(
        _ frame: DecodedFrame,
        from port: Int,
        _ tags: [UInt8]
    ) {
        guard
            frame.icmp?.type == 135, let target = frame.target, let mac = hosts6[port][target],
            let asker = frame.source?.address.ipv6, asker != .any
        else { return }
        var reply = IPv6Frame.advertisement(of: target, at: mac, to: asker, at: frame.sourceMAC)
        reply.insert(contentsOf: tags, at: 12)
        links[port].deliver(reply)
    }

    // MARK: - Accounts

    func drops(_ reason: DropReason) -> Int {
        let counters = engine.interchange.counters + [slowPath.counters]
        return Int(counters.reduce(0) { $0 + $1[reason] })
    }

    func total(_ kind: WorkerCounters.Kind) -> Int {
        let counters = engine.interchange.counters + [slowPath.counters]
        return Int(counters.reduce(0) { $0 &+ $1[kind] })
    }

    var connectionCount: Int { boxes.reduce(0) { $0 + $1.worker.balancer.connections.count } }

    /// A counter of a backend over all workers.
    func backend(_ counter: BackendCounter, _ endpoint: String, of service: Service) throws -> Int {
        let key = Provisioner.BackendKey(
            service: service.key,
            endpoint: try #require(Endpoint(endpoint))
        )
        return Int(engine.total(counter, slot: try #require(provisioner.slot(of: key))))
    }

    /// Received and made here = transmitted, dropped, delivered to ourselves, or held; no buffer
    /// is lost.
    func expectConservation(sourceLocation: SourceLocation = #_sourceLocation) {
        let counters = engine.interchange.counters + [slowPath.counters]
        let dropped = Int(counters.reduce(0) { $0 + $1.dropped })
        let sources = total(.received) + total(.generated)
        let ends = total(.transmitted) + dropped + total(.delivered) + total(.held)
        #expect(sources == ends, sourceLocation: sourceLocation)
        #expect(pool.inUse == total(.held), sourceLocation: sourceLocation)
    }
}

extension DesiredState {
    /// One service at 10.0.0.100:80 with backends 10.0.1.2 and .3, as in the quickstart.
    static func web(
        _ protocol: TransportProtocol = .tcp,
        scheduler: SchedulerKind = .rr,
        options: SchedulerOptions = SchedulerOptions(),
        weights: [Int] = [1, 1],
        localAddresses: [IPv4Address] = [IPv4Address(10, 0, 1, 200)]
    ) -> DesiredState {
        DesiredState(
            addresses: [
                InterfaceAddress(interface: "dpdk0", prefix: .literal("10.0.0.1/24")),
                InterfaceAddress(interface: "dpdk1", prefix: .literal("10.0.1.1/24")),
            ],
            routes: [],
            services: [
                Service(
                    key: .init(
                        address: .v4(IPv4Address(10, 0, 0, 100)),
                        port: 80,
                        protocol: `protocol`
                    ),
                    name: "web",
                    scheduler: scheduler,
                    schedulerOptions: options,
                    localAddresses: localAddresses.map { .v4($0) },
                    backends: weights.enumerated()
                        .map { index, weight in
                            Backend(
                                endpoint: Endpoint(
                                    .v4(IPv4Address(10, 0, 1, UInt8(2 + index))),
                                    8080
                                ),
                                weight: weight
                            )
                        }
                )
            ]
        )
    }
}

extension IPPrefix {
    static func literal(_ text: String) -> IPPrefix {
        guard let prefix = IPPrefix(text) else { preconditionFailure("not a prefix: \(text)") }
        return prefix
    }
}
