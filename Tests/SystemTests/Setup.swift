// SPDX-License-Identifier: Apache-2.0

/// What one `dpvs` is started with.
struct Setup: Sendable {
    /// Tells it apart in its lab.
    var instance = "a"
    /// Where it runs.
    var home = Lab.Place.balancer
    /// Lines of `global_defs`.
    var global = ["log_level INFO", "hugepages off", "drain_timeout 5s"]
    var workers = 1
    /// Kernel interfaces for dpdk0 and dpdk1.
    var interfaces = ["client0", "backend0"]
    /// What drives dpdk0 and dpdk1: "net_tap", or "interface client0" for the best way to that one;
    /// nil: AF_PACKET on the interfaces.
    var drivers: [String]?
    /// Names of the kernel companions of dpdk0 and dpdk1; nil: what they have by themselves.
    var companions: [String]?
    /// Further items of dpdk0.
    var deviceItems: [String] = []
    /// Further blocks of `dpvs.conf`.
    var more = ""
    var services = ServiceFile()
    /// Further files beside `dpvs.conf`, by their paths.
    var files: [String: String] = [:]
    /// Other places of `dpvs.conf` and of the service files than the lab's directory.
    var place: (conf: String, services: String)?
    var environment: [String: String] = [:]
    /// Words before the command line: a program that starts it.
    var launcher: [String] = []
    /// Words behind it.
    var options: [String] = []

    /// The text of `dpvs.conf`.
    var conf: String {
        let drivers = drivers ?? interfaces.map { "net_af_packet,iface=\($0)" }
        let devices = drivers.enumerated()
            .map { number, driver in
                """
                    device dpdk\(number) {
                        \(driver.hasPrefix("interface ") ? "" : "driver ")\(driver)
                        \(companions.map { "kni_name \($0[number])" } ?? "")
                        \(number == 0 ? deviceItems.joined(separator: "\n            ") : "")
                    }
                """
            }
        return """
            global_defs {
                \(global.joined(separator: "\n    "))
            }
            netif_defs {
                pktpool_size 16383
            \(devices.joined(separator: "\n"))
            }
            worker_defs {
                workers \(workers)
            }
            ipvs_defs {
                conn {
                    conn_pool_size 131071
                }
            }
            \(more)
            """ + "\n"
    }
}

/// A service file, as an operator writes it.
struct ServiceFile: Sendable {
    struct Service: Sendable {
        var name = "web"
        var address = "10.0.0.100"
        var port = 80
        var transport = "tcp"
        var scheduler = "rr"
        var locals = ["10.0.1.200"]
        var backends = [Backend(2), Backend(3)]
    }

    struct Backend: Sendable {
        var address: String
        var weight: Int

        /// 10.0.1.`last`.
        init(_ last: Int, weight: Int = 100) {
            address = "10.0.1.\(last)"
            self.weight = weight
        }
    }

    /// By interface.
    var addresses = ["dpdk0": "10.0.0.1/24", "dpdk1": "10.0.1.1/24"]
    var routes: [String] = []
    var services = [Service()]
    /// Further services, as they stand in a file.
    var more: [String] = []

    /// The whole text, instead of all that.
    var text: String?

    var yaml: String {
        if let text { return text }
        let addresses = addresses.sorted { $0.key < $1.key }
            .map { "  - { interface: \($0.key), address: \($0.value) }" }
        let routes = routes.map { "  - { \($0) }" }
        let lines =
            ["addresses:"] + addresses
            + (routes.isEmpty ? [] : ["routes:"] + routes)
            + ["services:"] + services.map(Self.lines) + more.map { "  - { \($0) }" }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func lines(_ service: Service) -> String {
        let backends = service.backends.map {
            "      - { address: \($0.address), port: \(service.port), weight: \($0.weight) }"
        }
        return """
              - name: \(service.name)
                address: \(service.address)
                port: \(service.port)
                protocol: \(service.transport)
                scheduler: \(service.scheduler)
                localAddresses: [\(service.locals.joined(separator: ", "))]
                backends:
            \(backends.joined(separator: "\n"))
            """
    }
}
