// SPDX-License-Identifier: Apache-2.0
import ConfigurationFiles
import Model
import Testing

/// Files that did not change are not read again, and nobody can tell.
@Suite struct ServiceFileCacheTests {
    private static let loader = ConfigurationLoader(
        conf: "/etc/dpvs.conf",
        servicesDirectory: "/etc/services"
    )

    private static func service(
        _ last: Int,
        backend: String = "10.1.0.1",
        more: String = ""
    ) -> String {
        """
        services:
          - address: 10.0.0.\(last)
            port: 80
            localAddresses: [10.9.0.1]
            \(more)
            backends: [{ address: \(backend), port: 80 }]

        """
    }

    private var files: [String: String] {
        [
            "/etc/dpvs.conf": "", "/etc/services/a.yaml": Self.service(1),
            "/etc/services/b.yaml": Self.service(2), "/etc/services/c.yaml": Self.service(3),
        ]
    }

    /// Loads with the cache and without; both must say the same.
    private func load(_ files: [String: String], _ cache: ServiceFileCache) -> LoadedConfiguration {
        let source = MemorySource(files)
        let (cached, fresh) = (Self.loader.load(source, cache), Self.loader.load(source))
        #expect(cached.state == fresh.state && cached.diagnostics == fresh.diagnostics)
        #expect(cached.digest == fresh.digest && cached.files == fresh.files)
        return cached
    }

    @Test func `a file is parsed again when it has changed, or come back`() {
        let cache = ServiceFileCache()
        var files = files
        #expect(!load(files, cache).hasErrors && cache.parsedFiles == 3)
        _ = load(files, cache)
        #expect(cache.parsedFiles == 3)
        files["/etc/services/b.yaml"] = Self.service(4)
        #expect(load(files, cache).state.services.map(\.key.addressText).contains("10.0.0.4"))
        #expect(cache.parsedFiles == 4)
        files["/etc/services/b.yaml"] = nil
        #expect(load(files, cache).state.services.count == 2)
        files["/etc/services/b.yaml"] = Self.service(4)
        #expect(load(files, cache).state.services.count == 3 && cache.parsedFiles == 5)
    }

    @Test func `what another file makes wrong is found in a file that did not change`() {
        let cache = ServiceFileCache()
        var files = files
        #expect(!load(files, cache).hasErrors)
        // The backend of a.yaml becomes an address of the balancer itself.
        files["/etc/services/c.yaml"] = Self.service(3).replacingService(with: "10.1.0.1")
        let problems = load(files, cache).diagnostics.filter { $0.severity == .error }
        #expect(problems.contains { $0.location.file == "/etc/services/a.yaml" })
        #expect(cache.parsedFiles == 4)
        files["/etc/services/c.yaml"] = Self.service(3)
        #expect(!load(files, cache).hasErrors)
    }

    @Test func `what is wrong in a file is said again while it stays`() {
        let cache = ServiceFileCache()
        var files = files
        files["/etc/services/a.yaml"] = Self.service(1, more: "scheduler: nonsense")
        #expect(load(files, cache).hasErrors && load(files, cache).hasErrors)
        #expect(cache.parsedFiles == 3)
    }

    @Test func `a file is parsed again when a key file that it names has changed`() {
        let cache = ServiceFileCache()
        var files = files
        let quic = """
            protocol: udp
                quic: { quicLB: [{ configID: 0, serverIDLength: 4, nonceLength: 8, keyFile: /etc/key }] }
            """
        files["/etc/services/a.yaml"] = Self.service(1, more: quic)
        files["/etc/key"] = String(repeating: "a", count: 32)
        let first = load(files, cache).state.services.first?.quic?.configurations.first?.key
        files["/etc/key"] = String(repeating: "b", count: 32)
        let second = load(files, cache).state.services.first?.quic?.configurations.first?.key
        #expect(first != second && cache.parsedFiles == 4)
        files["/etc/key"] = nil
        #expect(load(files, cache).hasErrors)
        files["/etc/key"] = String(repeating: "b", count: 32)
        #expect(!load(files, cache).hasErrors, "the key file is there again")
    }

    @Test func `what is there twice is found after states without it, and gone with it`() {
        let cache = ServiceFileCache()
        let good = files
        #expect(!load(good, cache).hasErrors && !load(good, cache).hasErrors)
        var twice = good
        twice["/etc/services/c.yaml"] = Self.service(1)
        for _ in 0..<2 {
            #expect(
                load(twice, cache).diagnostics
                    .contains {
                        $0.message.hasPrefix("is there twice: first at /etc/services/a.yaml")
                    }
            )
        }
        #expect(!load(good, cache).hasErrors)
        var named = good
        named["/etc/services/c.yaml"] = Self.service(3, more: "name: tcp-10.0.0.1-80")
        #expect(load(named, cache).hasErrors)
        var own = good
        own["/etc/services/n.yaml"] = "addresses: [{ address: 10.1.0.1/24, interface: dpdk0 }]\n"
        #expect(load(own, cache).hasErrors, "the backend is the balancer itself")
        #expect(!load(good, cache).hasErrors)
    }

    @Test func `a network that another file brings is seen by a file that did not change`() {
        let cache = ServiceFileCache()
        var files = files
        files["/etc/dpvs.conf"] = "netif_defs { <init> device dpdk0 { } }"
        files["/etc/services/n.yaml"] = Self.network("10.9.0.2/24")
        #expect(load(files, cache).diagnostics.contains { $0.message == "is where no route leads" })
        files["/etc/services/n.yaml"] = Self.network("10.9.0.2/24", "10.1.0.2/24")
        #expect(
            !load(files, cache).diagnostics.contains { $0.message == "is where no route leads" }
        )
        #expect(cache.parsedFiles == 5)
    }

    private static func network(_ prefixes: String...) -> String {
        "addresses:\n" + prefixes.map { "  - { address: \($0), interface: dpdk0 }\n" }.joined()
    }
}

extension String {
    /// The same file with another address of its service.
    fileprivate func replacingService(with address: String) -> String {
        split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.contains("- address:") ? "  - address: \(address)" : String($0) }
            .joined(separator: "\n")
    }
}
