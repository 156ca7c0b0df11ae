// SPDX-License-Identifier: Apache-2.0

/// A whole command line of `dpip`, understood.
package struct Invocation: Equatable, Sendable {
    package var options: Options
    package var command: Command

    /// `arguments` are the words behind the program's name.
    package init(_ arguments: [String]) throws(UsageError) {
        var options = Options()
        let words = try options.take(from: arguments)
        self.options = options
        command = try Command(words, &self.options)
    }
}

/// What is to be done.
package enum Command: Equatable, Sendable {
    case usage
    case version
    /// `isAsked`: nobody has left out a command.
    case help(DPIPObject, isAsked: Bool)
    case link(LinkCommand)
    case address(AddressCommand)
    case route(RouteCommand)
    case neighbour(NeighbourCommand)
    case groups(device: String?)
    case vlan(VLANCommand)
    case tunnel(TunnelCommand)
    case scheduler(SchedulerCommand)
    case classifier(ClassifierCommand)
    case ipv6(IPv6Command)
    case flowSamples(FlowSampleCommand)
    case memory(MemoryCommand)
    case set(SetCommand)
    case flow(FlowCommand)
    case discovery(DiscoveryCommand)

    fileprivate init(_ words: [String], _ options: inout Options) throws(UsageError) {
        if options.wantsVersion {
            self = .version
            return
        }
        guard let name = words.first else {
            self = .usage
            return
        }
        guard name != "help" else {
            self = words.count > 1 ? .help(try DPIPObject(word: words[1]), isAsked: true) : .usage
            return
        }
        let object = try DPIPObject(word: name)
        guard words.count > 1, !options.wantsHelp else {
            self = .help(object, isAsked: options.wantsHelp)
            return
        }
        let verb = try DPIPVerb(word: words[1], of: object)
        guard verb != .help else {
            self = .help(object, isAsked: true)
            return
        }
        var rest = Words(words.dropFirst(2))
        self = try Self.read(object, verb, &rest, options)
        try rest.end()
    }

    private static func read(
        _ object: DPIPObject,
        _ verb: DPIPVerb,
        _ words: inout Words,
        _ options: Options
    ) throws(UsageError) -> Command {
        switch object {
        case .link: .link(try LinkCommand(verb, &words))
        case .addr: .address(try AddressCommand(verb, &words))
        case .route: .route(try RouteCommand(verb, &words, options.family))
        case .neigh: .neighbour(try NeighbourCommand(verb, &words))
        case .maddr: .groups(device: try words.device())
        case .vlan: .vlan(try VLANCommand(verb, &words))
        case .tunnel: .tunnel(try TunnelCommand(verb, &words))
        case .qsch: .scheduler(try SchedulerCommand(verb, &words))
        case .cls: .classifier(try ClassifierCommand(verb, &words))
        case .ipv6: .ipv6(try IPv6Command(&words))
        case .iftraf: .flowSamples(try FlowSampleCommand(verb, &words))
        case .memory: .memory(try MemoryCommand(&words))
        case .ipset: .set(try SetCommand(verb, &words, options))
        case .flow: .flow(try FlowCommand(verb, &words))
        case .lldp: .discovery(try DiscoveryCommand(&words))
        }
    }
}

extension Words {
    /// `dev X` or `X` alone, or nothing.
    mutating func device() throws(UsageError) -> String? {
        guard let word = next() else { return nil }
        return word == "dev" ? try value(of: "dev") : word
    }
}
