// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import PacketTesting
import Testing

/// Edits over files: a merge of three.
@Suite struct LayerTests {
    private let files = DesiredState.services(
        .sample(weights: [1, 2, 3]),
        .sample("dns", port: 53)
    )

    private func edited(_ change: (inout Service) -> Void) -> RuntimeLayer {
        var layer = RuntimeLayer()
        var service = files.services[0]
        change(&service)
        layer.put(service, files: files.services[0])
        return layer
    }

    /// What files say later, with their service changed so.
    private func later(_ change: (inout Service) -> Void) -> DesiredState {
        var state = files
        change(&state.services[0])
        return state
    }

    @Test func `an edit of one field leaves the others to the file`() {
        let layer = edited { $0.backends[1].weight = 0 }
        #expect(layer.laid(over: files).state.services[0].backends.map(\.weight) == [1, 0, 3])
        let newer = later {
            $0.scheduler = .wlc
            $0.backends[0].weight = 9
        }
        let result = layer.laid(over: newer)
        #expect(result.state.services[0].scheduler == .wlc)
        #expect(result.state.services[0].backends.map(\.weight) == [9, 0, 3])
        #expect(result.overruled.isEmpty)
        #expect(result.state.services[0].owner == .file("web.yaml"))
    }

    @Test func `an edit ends when the file says something new about the same field`() {
        let layer = edited {
            $0.backends[1].weight = 0
            $0.scheduler = .mh
        }
        let newer = later { $0.backends[1].weight = 7 }
        let result = layer.laid(over: newer)
        #expect(result.state.services[0].backends[1].weight == 7)
        #expect(result.state.services[0].scheduler == .mh)
        #expect(
            result.overruled == [
                "web.yaml says something new about weight of backend 10.0.1.2:80 of service web "
                    + "(tcp 10.0.0.100:80): the edit of it is dropped"
            ]
        )
        // The file may return to what it said: the edit does not.
        let back = result.layer.laid(over: files)
        #expect(back.state.services[0].backends[1].weight == 2)
        #expect(back.state.services[0].scheduler == .mh)
    }

    @Test func `a file that says what an edit wanted ends it without a word`() {
        let layer = edited { $0.backends[1].weight = 0 }
        let result = layer.laid(over: later { $0.backends[1].weight = 0 })
        #expect(result.layer.isEmpty && result.overruled.isEmpty)
        #expect(result.state == later { $0.backends[1].weight = 0 })
    }

    @Test func `backends come and go by edits beside those of the file`() {
        let added = Backend(endpoint: Endpoint(.v4(IPv4Address(10, 0, 1, 9)), 80))
        let layer = edited {
            $0.backends.remove(at: 0)
            $0.backends.append(added)
        }
        let newer = later {
            $0.backends.append(Backend(endpoint: Endpoint(.v4(IPv4Address(10, 0, 1, 4)), 80)))
        }
        let names = layer.laid(over: newer).state.services[0].backends
            .map { $0.endpoint.address.description }
        #expect(names == ["10.0.1.2", "10.0.1.3", "10.0.1.4", "10.0.1.9"])
    }

    @Test func `a backend that was removed returns when the file says something new about it`() {
        let layer = edited { $0.backends.remove(at: 0) }
        let result = layer.laid(over: later { $0.backends[0].weight = 50 })
        #expect(result.state.services[0].backends.map(\.weight) == [50, 2, 3])
        #expect(result.layer.isEmpty && result.overruled.count == 1)
    }

    @Test func `a removed service stays away until the file changes it`() {
        var layer = RuntimeLayer()
        layer.remove(files.services[0].key, files: files.services[0])
        #expect(layer.laid(over: files).state.services.map(\.name) == ["dns"])
        #expect(layer.laid(over: files).layer == layer)
        let result = layer.laid(over: later { $0.scheduler = .mh })
        #expect(result.state.services.map(\.name) == ["web", "dns"])
        #expect(result.layer.isEmpty)
        #expect(result.overruled.first?.contains("the edit that removed it is dropped") == true)
    }

    @Test func `an added service gives way to a file that has it`() {
        var layer = RuntimeLayer()
        layer.put(Service.sample("new", port: 99, weights: [5]), files: nil)
        let result = layer.laid(over: files)
        #expect(result.state.services.map(\.name) == ["web", "dns", "new"])
        #expect(result.state.services.last?.owner == .runtime)
        var newer = files
        newer.services.append(.sample("new", port: 99, weights: [6]))
        let later = layer.laid(over: newer)
        #expect(later.state == newer && later.layer.isEmpty && later.overruled.count == 1)
    }

    @Test func `edits of an object go with the file's object`() {
        let layer = edited { $0.scheduler = .mh }
        let result = layer.laid(over: .services(files.services[1]))
        #expect(result.state.services.map(\.name) == ["dns"] && result.layer.isEmpty)
        #expect(result.overruled.count == 1)
    }

    @Test func `a file that moves into another one has said nothing new`() {
        let layer = edited { $0.scheduler = .mh }
        let result = layer.laid(over: later { $0.owner = .file("other.yaml") })
        #expect(result.state.services[0].scheduler == .mh && result.overruled.isEmpty)
        #expect(result.state.services[0].owner == .file("other.yaml"))
    }

    @Test func `what was edited back is no edit`() {
        var layer = edited { $0.scheduler = .mh }
        layer.put(files.services[0], files: files.services[0])
        #expect(layer.isEmpty)
        layer.put(Service.sample("new", port: 99), files: nil)
        layer.remove(Service.sample("new", port: 99).key, files: nil as Service?)
        #expect(layer.isEmpty)
    }

    @Test func `edits can be dropped one by one`() {
        var layer = edited { $0.scheduler = .mh }
        layer.remove(files.services[1].key, files: files.services[1])
        #expect(layer.edits.map(\.title) == [files.services[0].title, files.services[1].title])
        #expect(layer.edits.map(\.deed) == [.changed, .removed])
        let rest = layer.dropping { $0.deed == .removed }
        #expect(rest.laid(over: files).state.services.map(\.scheduler) == [.mh, .rr])
        #expect(layer.dropping { _ in true }.isEmpty)
    }

    // MARK: - Any states

    /// An edit that makes one random state of another.
    private func layer(from files: DesiredState, to wanted: DesiredState) -> RuntimeLayer {
        var layer = RuntimeLayer()
        func edit<Object: ConfigurationObject>(_ kind: Object.Type) {
            let (old, new) = (
                files[keyPath: Object.schema.list], wanted[keyPath: Object.schema.list]
            )
            for object in new {
                layer.put(object, files: old.first { $0.key == object.key })
            }
            for object in old where !new.contains(where: { $0.key == object.key }) {
                layer.remove(object.key, files: object)
            }
        }
        edit(VLANInterface.self)
        edit(TunnelInterface.self)
        edit(InterfaceAddress.self)
        edit(Route.self)
        edit(Neighbour.self)
        edit(Service.self)
        return layer
    }

    @Test(arguments: 0..<UInt64(60))
    func `edits make the state that they want, and laying them again changes nothing`(
        seed: UInt64
    ) {
        var generator = SeededGenerator(seed: seed)
        let files = DesiredState.random(&generator).owned(by: .file("a.yaml"))
        var wanted = DesiredState.random(&generator).owned(by: .runtime)
        wanted.settings = files.settings
        let result = layer(from: files, to: wanted).laid(over: files)
        // But for the order, in which what files have comes first.
        let changes = result.state.changes(to: wanted).map(\.description)
            .filter { !$0.hasSuffix("reordered") && !$0.contains("owner") }
        #expect(changes == [])
        #expect(result.overruled == [])
        #expect(result.layer.laid(over: files) == result)
    }

    @Test(arguments: 0..<UInt64(60))
    func `whatever files say later, nothing of them is lost but what edits say`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let files = DesiredState.random(&generator).owned(by: .file("a.yaml"))
        let wanted = DesiredState.random(&generator).owned(by: .runtime)
        let later = DesiredState.random(&generator).owned(by: .file("a.yaml"))
        let result = layer(from: files, to: wanted).laid(over: later)
        // The edits that are left make the state of the files, and nothing else does.
        #expect(result.layer.laid(over: later) == withoutWords(result))
        #expect(result.layer.dropping { _ in true }.laid(over: later).state == later)
        // Files that say the same as before overrule nothing.
        #expect(layer(from: files, to: wanted).laid(over: files).overruled.isEmpty)
    }

    private func withoutWords(_ composition: Composition) -> Composition {
        var other = composition
        other.overruled = []
        return other
    }
}
