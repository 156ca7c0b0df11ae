// SPDX-License-Identifier: Apache-2.0

/// An option of `ipvsadm`, by its long name.
enum Option: String, CaseIterable, Sendable {
    // Commands.
    case addService = "add-service"
    case editService = "edit-service"
    case deleteService = "delete-service"
    case clear
    case list
    case zero
    case addServer = "add-server"
    case editServer = "edit-server"
    case deleteServer = "delete-server"
    case addLocalAddress = "add-laddr"
    case deleteLocalAddress = "del-laddr"
    case getLocalAddresses = "get-laddr"
    case addDenied = "add-blklst"
    case deleteDenied = "del-blklst"
    case getDenied = "get-blklst"
    case addAllowed = "add-whtlst"
    case deleteAllowed = "del-whtlst"
    case getAllowed = "get-whtlst"
    case restore
    case save
    case set
    case startDaemon = "start-daemon"
    case stopDaemon = "stop-daemon"
    case help
    case version

    // Services.
    case tcp = "tcp-service"
    case udp = "udp-service"
    case sctp = "sctp-service"
    case icmp = "icmp-service"
    case icmpv6 = "icmpv6-service"
    case mark = "fwmark-service"
    case match
    case ipv6
    case scheduler
    case schedulerFlags = "sched-flags"
    case persistent
    case netmask
    case onePacket = "ops"
    case persistenceEngine = "pe"
    case hashTarget = "hash-target"
    case expireQuiescent = "expire-quiescent"
    case destCheck = "dest-check"
    case connectionTimeout = "conn-timeout"
    case proxyProtocol = "proxy-protocol"
    case quic
    case synProxy = "synproxy"

    // Real servers and addresses.
    case server = "real-server"
    case direct = "gatewaying"
    case tunnel = "ipip"
    case nat = "masquerading"
    case fullNAT = "fullnat"
    case sourceNAT = "snat"
    case tunnelType = "tun-type"
    case tunnelPort = "tun-port"
    case tunnelNoChecksum = "tun-nocsum"
    case tunnelChecksum = "tun-csum"
    case tunnelRemoteChecksum = "tun-remcsum"
    case weight
    case upperThreshold = "u-threshold"
    case lowerThreshold = "l-threshold"
    case localAddress = "laddr"
    case interface = "ifname"
    case denied = "blklst"
    case allowed = "whtlst"

    // Listing.
    case numeric
    case connections = "connection"
    case socketPair = "sockpair"
    case statistics = "stats"
    case rate
    case thresholds
    case persistentConnections = "persistent-conn"
    case timeout
    case daemon
    case exact
    case sort
    case noSort = "nosort"
    case worker = "cpu"

    // The sync daemon.
    case multicastInterface = "mcast-interface"
    case syncID = "syncid"
    case syncMaximum = "sync-maxlen"
    case multicastGroup = "mcast-group"
    case multicastPort = "mcast-port"
    case multicastTTL = "mcast-ttl"

    // Of this program.
    case json
    case instance
    case socket
}

/// Whether an option has a value.
enum OptionValue: Sendable {
    case none, needed
    /// The next word is the value when it is a number.
    case optionalNumber
}

extension Option {
    static let commands: [Option: Character?] = [
        .addService: "A", .editService: "E", .deleteService: "D", .clear: "C", .list: "L",
        .zero: "Z", .addServer: "a", .editServer: "e", .deleteServer: "d", .addLocalAddress: "P",
        .deleteLocalAddress: "Q", .getLocalAddresses: "G", .addDenied: "U", .deleteDenied: "V",
        .getDenied: "B", .addAllowed: "O", .deleteAllowed: "Y", .getAllowed: "W", .restore: "R",
        .save: "S", .set: nil, .startDaemon: nil, .stopDaemon: nil, .help: "h", .version: "v",
    ]

    private static let letters: [Character: Option] = [
        "t": .tcp, "u": .udp, "q": .icmp, "1": .icmpv6, "f": .mark, "H": .match, "6": .ipv6,
        "s": .scheduler, "p": .persistent, "M": .netmask, "o": .onePacket, "j": .synProxy,
        "r": .server, "g": .direct, "i": .tunnel, "m": .nat, "b": .fullNAT, "J": .sourceNAT,
        "w": .weight, "x": .upperThreshold, "y": .lowerThreshold, "z": .localAddress,
        "F": .interface, "k": .denied, "2": .allowed, "n": .numeric, "c": .connections,
        "X": .exact, "l": .list,
    ]

    private static let shortCommands: [Character: Option] = Dictionary(
        uniqueKeysWithValues: commands.compactMap { option, letter in letter.map { ($0, option) } }
    )

    /// Other spellings of long names, of the kernel's `ipvsadm` and of scripts.
    private static let spellings: [String: Option] = [
        "tun-remcsum": .tunnelRemoteChecksum, "connections": .connections, "conn": .connections,
        "add-local-address": .addLocalAddress, "ip-options": .numeric, "laddr-ifname": .interface,
        "source-nat": .sourceNAT, "one-packet": .onePacket, "icmp6-service": .icmpv6,
    ]

    var isCommand: Bool { Self.commands.keys.contains(self) }

    /// `-A` or `--set`.
    var words: String {
        let letter =
            Self.commands[self] ?? Self.letters.first { $0.value == self && $0.key != "l" }?.key
        return letter.map { "-\($0)" } ?? "--\(rawValue)"
    }

    var value: OptionValue {
        switch self {
        case .persistent: .optionalNumber
        case .tcp, .udp, .sctp, .icmp, .icmpv6, .mark, .match, .scheduler, .schedulerFlags,
            .netmask, .persistenceEngine, .hashTarget, .destCheck, .connectionTimeout,
            .proxyProtocol, .synProxy, .server, .weight, .upperThreshold, .lowerThreshold,
            .localAddress, .interface, .denied, .allowed, .socketPair, .worker,
            .multicastInterface, .syncID, .syncMaximum, .multicastGroup, .multicastPort,
            .multicastTTL, .startDaemon, .stopDaemon, .tunnelType, .tunnelPort, .instance, .socket:
            .needed
        default: .none
        }
    }

    /// The option behind a letter; `-b` is what the kernel's `ipvsadm` calls flags of a scheduler where a
    /// service is made, and FullNAT elsewhere.
    static func short(_ letter: Character, after command: Option?) -> Option? {
        if letter == "b", command == .addService || command == .editService {
            return .schedulerFlags
        }
        return shortCommands[letter] ?? letters[letter]
    }

    static func long(_ name: String) -> Option? {
        Option(rawValue: name) ?? spellings[name]
    }
}
