// SPDX-License-Identifier: Apache-2.0

/// Which options go together with which command.
extension RequestReader {
    private static let services: Set<Option> = [
        .tcp, .udp, .sctp, .icmp, .icmpv6, .mark, .match, .ipv6,
    ]
    private static let serviceOptions: Set<Option> = [
        .scheduler, .schedulerFlags, .persistent, .netmask, .onePacket, .persistenceEngine,
        .hashTarget, .expireQuiescent, .destCheck, .connectionTimeout, .proxyProtocol, .quic,
        .synProxy,
    ]
    private static let serverOptions: Set<Option> = [
        .server, .direct, .tunnel, .nat, .fullNAT, .sourceNAT, .weight, .upperThreshold,
        .lowerThreshold, .tunnelType, .tunnelPort, .tunnelNoChecksum, .tunnelChecksum,
        .tunnelRemoteChecksum,
    ]
    private static let views: Set<Option> = [
        .numeric, .connections, .socketPair, .statistics, .rate, .thresholds,
        .persistentConnections, .timeout, .daemon, .exact, .sort, .noSort, .worker,
    ]
    private static let synchronisation: Set<Option> = [
        .multicastInterface, .syncID, .syncMaximum, .multicastGroup, .multicastPort, .multicastTTL,
    ]

    private static func accepted(by command: Option) -> Set<Option> {
        switch command {
        case .addService, .editService: services.union(serviceOptions)
        case .deleteService: services
        case .addServer, .editServer: services.union(serverOptions)
        case .deleteServer: services.union([.server])
        case .addLocalAddress, .deleteLocalAddress: services.union([.localAddress, .interface])
        case .getLocalAddresses: services.union([.worker, .numeric])
        case .addDenied, .deleteDenied: services.union([.denied])
        case .addAllowed, .deleteAllowed: services.union([.allowed])
        case .getDenied, .getAllowed: services.union([.numeric])
        case .list: services.union(views)
        case .zero: services
        case .save, .restore: [.numeric]
        case .startDaemon, .stopDaemon: synchronisation
        default: []
        }
    }

    /// What was meant when an option stands with another command.
    private static let advice: [Option: String] = [
        .server: "-a adds a real server, -e changes and -d removes one",
        .scheduler: "-A and -E say how backends are chosen",
        .localAddress: "-P adds a local address, -Q removes one",
        .denied: "-U adds to the deny list, -V removes from it",
        .allowed: "-O adds to the allow list, -Y removes from it",
        .weight: "-a and -e give a real server its weight",
    ]

    func checkOptions(of command: Option) throws(Complaint) {
        let accepted = Self.accepted(by: command)
        let wrong = words.options.map(\.option).filter { !$0.isOurs && !accepted.contains($0) }
        // The one with advice says most.
        guard let option = wrong.first(where: { Self.advice[$0] != nil }) ?? wrong.first else {
            return
        }
        let hint = Self.advice[option].map { "; \($0)" } ?? ""
        let name = words.command.map(\.words) ?? "a list"
        throw Complaint("\(option.words) does not go together with \(name)\(hint)")
    }
}
