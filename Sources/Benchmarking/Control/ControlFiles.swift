// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux

/// A directory of configuration files: `dpvs.conf`, a file with addresses and the route to backends,
/// and services spread over other files.
struct ControlFiles {
    let directory: String
    let services: Int
    let backends: Int
    /// Files that hold the services.
    let files: Int

    var conf: String { "\(directory)/dpvs.conf" }
    var servicesDirectory: String { "\(directory)/services" }

    /// Writes all of them below `directory`, which it makes.
    init(
        in directory: String,
        services: Int,
        backends: Int,
        files: Int
    ) throws(LinuxError) {
        self.directory = directory
        self.services = services
        self.backends = backends
        self.files = files
        try Files.makeDirectory(servicesDirectory)
        try Files.write(Array(Self.dpvsConf.utf8), to: conf)
        try Files.write(Array(Self.network.utf8), to: "\(servicesDirectory)/a-network.yaml")
        for file in 0..<files { try write(file) }
    }

    /// Writes one of the files; its first backend has the weight `weight`, all others 100.
    func write(_ file: Int, firstWeight weight: Int = 100) throws(LinuxError) {
        try Files.write(Array(text(of: file, weight).utf8), to: path(of: file))
    }

    /// Octets of the files with services, as they are written first.
    var octets: Int { (0..<files).reduce(0) { $0 + text(of: $1, 100).utf8.count } }

    /// Removes all of them.
    func remove() {
        for file in 0..<files { Files.remove(path(of: file)) }
        Files.remove("\(servicesDirectory)/a-network.yaml")
        Files.remove(conf)
        Files.removeDirectory(servicesDirectory)
        Files.removeDirectory(directory)
    }

    private func path(of file: Int) -> String { "\(servicesDirectory)/s\(1000 + file).yaml" }

    private func text(of file: Int, _ firstWeight: Int) -> String {
        let numbers = (services * file / files)..<(services * (file + 1) / files)
        var text = "services:\n"
        for number in numbers {
            text += "  - name: s\(number)\n    address: \(address(0x0A64_0000, number))\n"
            text += "    port: 80\n    localAddresses: [10.0.1.200]\n    backends:\n"
            for backend in 0..<backends {
                let isFirst = number == numbers.lowerBound && backend == 0
                let host = address(0x0AC8_0000, number * backends + backend)
                text += "      - { address: \(host), port: 8080, "
                text += "weight: \(isFirst ? firstWeight : 100) }\n"
            }
        }
        return text
    }

    private func address(_ base: UInt32, _ number: Int) -> IPv4Address {
        // The first and the last address of /16 networks look like those of a whole network.
        IPv4Address(rawValue: base + UInt32(number / 65_000) << 16 + UInt32(number % 65_000) + 1)
    }

    private static let dpvsConf = """
        netif_defs {
            <init> device client { }
            <init> device backend { }
        }

        """

    private static let network = """
        addresses:
          - { interface: client, address: 10.0.0.1/24 }
          - { interface: backend, address: 10.0.1.1/24 }
        routes:
          - { to: 0.0.0.0/0, via: 10.0.0.254 }
          - { to: 10.200.0.0/13, via: 10.0.1.254 }

        """
}
