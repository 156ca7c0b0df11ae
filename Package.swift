// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import Foundation
import PackageDescription

// MARK: - What this machine has

/// The words that `pkg-config` prints for `arguments`, or nil when it fails or is absent.
///
/// SwiftPM cannot parse Debian's `libdpdk.pc` and refuses `-march` and `-include` from any `.pc`
/// file, so the manifest asks itself and hands the flags to `CDPDK` alone. `PKG_CONFIG_PATH`
/// selects a private DPDK.
func pkgConfig(_ arguments: String...) -> [String]? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["pkg-config"] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { return nil }
    return String(decoding: data, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        .map(String.init)
}

let dpdkCompilerFlags = pkgConfig("--cflags", "libdpdk")
/// All for the linker itself: `swiftc` would move `--as-needed` behind the libraries it is about,
/// and half of DPDK would be linked for nothing.
let dpdkLinkerFlags = (pkgConfig("--libs", "libdpdk") ?? [])
    .flatMap { $0.hasPrefix("-Wl,") ? $0.dropFirst(4).split(separator: ",") : [$0[...]] }
    .flatMap { ["-Xlinker", String($0)] }
/// Of the drivers, which EAL loads by itself, the one that has functions of its own to call.
let dpdkDrivers = ["-Xlinker", "-lrte_net_bond"]
let hasDPDK = dpdkCompilerFlags != nil

/// `DPVS_CPU` names the oldest CPU that the build must run on (`-march`): see doc/performance.md.
#if arch(x86_64)
let cpuBaseline = ProcessInfo.processInfo.environment["DPVS_CPU"] ?? "x86-64-v2"
let cpuFlags = ["-march=\(cpuBaseline)"]
#else
let cpuFlags = ProcessInfo.processInfo.environment["DPVS_CPU"].map { ["-march=\($0)"] } ?? []
#endif

// MARK: - How every target is compiled

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
    .unsafeFlags(cpuFlags.flatMap { ["-Xcc", $0] }),
]

/// Code that runs per packet must specialise and inline across modules.
let hotSettings: [SwiftSetting] =
    swiftSettings + [
        .unsafeFlags(
            // Merged functions call what they differ in through a pointer.
            ["-cross-module-optimization", "-Xfrontend", "-disable-llvm-merge-functions-pass"],
            .when(configuration: .release)
        )
    ]

let cSettings: [CSetting] = [.unsafeFlags(cpuFlags + ["-Wall", "-Wextra", "-Werror"])]

func cold(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func hot(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: hotSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func package(_ product: String, _ package: String) -> Target.Dependency {
    .product(name: product, package: package)
}

let argumentParser = package("ArgumentParser", "swift-argument-parser")
let logging = package("Logging", "swift-log")
let hummingbird = package("Hummingbird", "hummingbird")
let hummingbirdCore = package("HummingbirdCore", "hummingbird")
let hummingbirdTesting = package("HummingbirdTesting", "hummingbird")
let httpTypes = package("HTTPTypes", "swift-http-types")
let asyncHTTPClient = package("AsyncHTTPClient", "async-http-client")
let nioCore = package("NIOCore", "swift-nio")
let nioPosix = package("NIOPosix", "swift-nio")
let nioHTTP1 = package("NIOHTTP1", "swift-nio")
let lifecycle = package("ServiceLifecycle", "swift-service-lifecycle")
let nioSSL = package("NIOSSL", "swift-nio-ssl")
let systemPackage = package("SystemPackage", "swift-system")
let subprocess = package("Subprocess", "swift-subprocess")

// MARK: - Targets, from the bottom up; imports only point down

let c: [Target] = [
    .target(name: "CPacket", cSettings: cSettings),
    .target(name: "CLinux", cSettings: cSettings),
    .target(name: "CAllocations", cSettings: cSettings),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CNUMA", pkgConfig: "numa", providers: [.apt(["libnuma-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CBPF", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev"])]),
    .target(
        name: "CRealIP",
        exclude: ["bpf", "realip.bpf.o"],
        // `#embed` is C23, which Swift's clang has as an extension of C17.
        cSettings: cSettings + [.unsafeFlags(["-Wno-c23-extensions"])]
    ),
    .systemLibrary(
        name: "CNetlink",
        pkgConfig: "libnl-route-3.0",
        providers: [.apt(["libnl-route-3-dev"])]
    ),
    .systemLibrary(
        name: "CSystemd",
        pkgConfig: "libsystemd",
        providers: [.apt(["libsystemd-dev"])]
    ),
]

let leaf: [Target] = [
    hot("Addressing"),
    hot("Timing"),
    hot("Containers", ["CPacket", "CLinux"]),
    cold("Linux", ["CLinux", "CNUMA", "CSystemd"]),
    cold("YAML", ["CYAML"]),
    hot("Cryptography", ["CCrypto"]),
    cold("Compression", ["CZlib"]),
    cold("BPF", ["CBPF"]),
]

let hotTargets: [Target] = [
    hot("Filtering", ["Addressing"]),
    hot("Packet", ["Addressing", "CPacket"]),
    hot("Networking", ["Packet", "Addressing", "Timing", "Containers", "CPacket", "CLinux"]),
    hot(
        "Balancing",
        [
            "Networking", "Filtering", "Packet", "Addressing", "Timing", "Containers",
            "Cryptography", "CPacket", "CLinux",
        ]
    ),
    hot(
        "Dataplane",
        [
            "Balancing", "Networking", "Filtering", "Packet", "Addressing", "Timing", "Containers",
            "CPacket", "CLinux",
        ]
    ),
]

let coldTargets: [Target] = [
    cold("Model", ["Addressing"]),
    cold("ConfigurationFiles", ["Model", "Addressing", "YAML", "Cryptography"]),
    cold("Reload", ["ConfigurationFiles", "Model", "Addressing", "Linux", logging]),
    cold("Discovery", ["Model", "Linux"]),
    cold(
        "HealthChecking",
        ["Model", "Addressing", "Linux", nioCore, nioPosix, nioSSL, subprocess, systemPackage]
    ),
    cold("LinuxMirror", ["Model", "Addressing", "Linux", "CNetlink"]),
    cold("MetricsExposition"),
    cold("CommandWire", ["Linux"]),
    cold(
        "Control",
        ["CommandWire", "Model", "Addressing", asyncHTTPClient, nioCore, nioHTTP1]
    ),
    cold("NetworkCommands", ["Control", "Model", "Addressing"]),
    cold(
        "ControlServer",
        [
            "CommandWire", "Control", "IPVS", "MetricsExposition", "Model", "Addressing",
            "Compression", hummingbird, hummingbirdCore, httpTypes, nioCore, nioHTTP1, nioPosix,
            logging, lifecycle,
        ]
    ),
    cold("IPVS", ["CommandWire", "Control", "Model", "Addressing"]),
    cold(
        "RealIP",
        [
            "BPF", "CRealIP", "Control", "Addressing", "Linux", hummingbird, hummingbirdCore,
            httpTypes, nioCore, logging, lifecycle,
        ]
    ),
    cold(
        "Provisioning",
        [
            "Model", "Dataplane", "Balancing", "Filtering", "Networking", "Packet", "Containers",
            "Addressing", "Timing", "Cryptography",
        ]
    ),
]

let testTargets: [Target] = [
    .target(
        name: "PacketTesting",
        dependencies: ["Packet", "Addressing", "CPacket"],
        path: "Tests/PacketTesting",
        swiftSettings: hotSettings
    ),
    tests("AddressingTests", ["Addressing", "PacketTesting"]),
    tests("TimingTests", ["Timing", "PacketTesting"]),
    tests("ContainersTests", ["Containers", "PacketTesting"]),
    .target(name: "FileTesting", path: "Tests/FileTesting", swiftSettings: swiftSettings),
    tests("LinuxTests", ["Linux", "FileTesting"]),
    tests("CryptographyTests", ["Cryptography"]),
    tests("CompressionTests", ["Compression"]),
    tests("YAMLTests", ["YAML", "PacketTesting"]),
    tests("PacketTests", ["Packet", "PacketTesting", "Addressing", "CPacket"]),
    tests("FilteringTests", ["Filtering", "PacketTesting", "Addressing"]),
    tests("NetworkingTests", ["Networking", "Packet", "PacketTesting", "Addressing", "Timing"]),
    tests(
        "BalancingTests",
        [
            "Balancing", "Networking", "Packet", "PacketTesting", "Addressing", "Timing",
            "Containers", "Cryptography", "CPacket",
        ]
    ),
    tests("ModelTests", ["Model", "Addressing"]),
    .testTarget(
        name: "ConfigurationFilesTests",
        dependencies: ["ConfigurationFiles", "Model", "Addressing", "YAML", "PacketTesting"],
        exclude: ["Keepalived"],
        swiftSettings: swiftSettings
    ),
    tests(
        "ReloadTests",
        [
            "Reload", "ConfigurationFiles", "Model", "Addressing", "Linux", "PacketTesting",
            "FileTesting",
        ]
    ),
    tests(
        "ProvisioningTests",
        ["Provisioning", "Balancing", "Model", "Addressing", "Timing", "PacketTesting"]
    ),
    tests(
        "HealthCheckingTests",
        ["HealthChecking", "Model", "Addressing", nioCore, nioPosix]
    ),
    tests("DiscoveryTests", ["Discovery", "Model", "Linux", "FileTesting"]),
    tests("LinuxMirrorTests", ["LinuxMirror", "Model", "Addressing", "CLinux"]),
    tests("MetricsExpositionTests", ["MetricsExposition"]),
    .testTarget(
        name: "ChartTests",
        dependencies: [
            "ConfigurationFiles", "Model", "YAML", "MetricsExposition", "Packet", "RealIP",
        ],
        exclude: ["alerts.test.yaml"],
        swiftSettings: swiftSettings
    ),
    tests(
        "ControlTests",
        [
            "CommandWire", "Control", "ControlServer", "IPVS", "MetricsExposition", "Model",
            "Addressing", hummingbirdTesting, asyncHTTPClient, httpTypes, nioCore, nioHTTP1,
            logging, lifecycle,
        ]
    ),
    tests(
        "DataplaneTests",
        [
            "Dataplane", "Balancing", "Networking", "Packet", "PacketTesting", "Addressing",
            "CPacket", "Containers", "Timing", "Linux",
        ]
    ),
    tests(
        "ScenarioTests",
        [
            "Provisioning", "Dataplane", "Balancing", "Networking", "Packet", "PacketTesting",
            "ConfigurationFiles", "Model", "Addressing", "Timing", "Containers",
        ]
    ),
]

let dpdkTargets: [Target] = [
    .target(
        name: "CDPDK",
        dependencies: ["CPacket"],
        cSettings: [
            .unsafeFlags((dpdkCompilerFlags ?? []) + cpuFlags + ["-Wall", "-Wextra", "-Werror"])
        ],
        linkerSettings: [.unsafeFlags(dpdkLinkerFlags + dpdkDrivers)]
    ),
    hot("DPDK", ["CDPDK", "Packet", "Addressing", "CPacket"]),
    tests("DPDKTests", ["DPDK", "Packet", "Addressing", "CPacket"]),
    hot(
        "Instance",
        [
            "Provisioning", "Dataplane", "Balancing", "Networking", "Packet", "CPacket", "DPDK",
            "Containers", "Timing", "Addressing", "Reload", "ConfigurationFiles", "Model",
            "MetricsExposition", "Control", "ControlServer", "Cryptography", "Discovery", "Linux",
            "HealthChecking", "LinuxMirror", logging, lifecycle,
        ]
    ),
    tests(
        "InstanceTests",
        [
            "Instance", "DPDK", "Balancing", "Packet", "Addressing", "Timing", "Provisioning",
            "Discovery", "Linux", "Control", "Model", "FileTesting", logging,
        ]
    ),
    .executableTarget(
        name: "dpvs",
        dependencies: [
            "Instance", "Reload", "ConfigurationFiles", "Model", "Control", "Discovery", "Linux",
            "Addressing", argumentParser, nioCore,
        ],
        swiftSettings: hotSettings
    ),
    .testTarget(
        name: "SystemTests",
        dependencies: ["Linux", "Model", "Control", "FileTesting", subprocess],
        exclude: [
            "confine.py", "decapsulate.py", "realip.py", "sctp.py", "stop_thread.py",
            "told.go", "tunnel_peer.py",
            "vlan_bridge.py",
            "vlan_peer.py", "wire.py",
        ],
        swiftSettings: swiftSettings
    ),
]

/// The programs that operators of DPVS know.
let toolTargets: [Target] = [
    .executableTarget(
        name: "dpip",
        dependencies: ["NetworkCommands", "Control", nioCore],
        swiftSettings: swiftSettings
    ),
    .executableTarget(
        name: "ipvsadm",
        dependencies: ["CommandWire", "Linux"],
        swiftSettings: swiftSettings
    ),
    tests(
        "NetworkCommandsTests",
        ["NetworkCommands", "Control", "Model", "Addressing", "FileTesting"]
    ),
    tests("CommandWireTests", ["CommandWire"]),
    tests("IPVSTests", ["IPVS", "CommandWire", "Control", "Model", "Addressing"]),
]

/// What runs on backends.
let realIPTargets: [Target] = [
    .executableTarget(
        name: "dpvs-realip",
        dependencies: [
            "RealIP", "Control", "Linux", "Addressing", argumentParser, hummingbirdCore, nioCore,
        ],
        swiftSettings: swiftSettings
    ),
    tests(
        "RealIPTests",
        [
            "RealIP", "BPF", "CRealIP", "Control", "Balancing", "Packet", "PacketTesting",
            "FileTesting", "Addressing",
        ]
    ),
]

let benchTargets: [Target] = [
    hot(
        "Benchmarking",
        [
            "Provisioning", "Dataplane", "Balancing", "Filtering", "Networking", "Packet", "Timing",
            "Addressing", "Model", "Containers", "CPacket", "CLinux", "CAllocations", "Linux",
            "Reload", "ConfigurationFiles", "MetricsExposition", "Compression",
        ]
    ),
    tests(
        "BenchTests",
        [
            "Benchmarking", "Balancing", "Dataplane", "Model", "Packet", "Timing", "CAllocations",
        ]
    ),
    .executableTarget(
        name: "dpvs-bench",
        dependencies: ["Benchmarking", "Addressing", "Linux", argumentParser],
        swiftSettings: hotSettings
    ),
]

let package = Package(
    name: "dpvs",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle",
            from: "2.13.0"
        ),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: c + leaf + hotTargets + coldTargets + testTargets + benchTargets + realIPTargets
        + toolTargets
        + (hasDPDK ? dpdkTargets : [])
)
