// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

/// Says in the words of command lines what is found wrong with the services that they make: the number
/// of the line, if there are several, and the option.
struct ProblemText: Sendable {
    /// What a line of input is about.
    enum Subject: Hashable, Sendable {
        case service(Service.Key)
        case server(Service.Key, IPAddress)
        case localAddress(Service.Key, IPAddress)
        case client(Service.Key, AddressSource)
    }

    /// The line that has said most of a subject.
    private var lines: [Subject: Int] = [:]
    private let subjects: [ServiceDraft.Subject]
    private let services: [Service.Key: Service]

    /// `table` has what `lines` have made of services; a single command has no numbers.
    init(_ table: ServiceTable, _ lines: [RestoreText.Line] = []) {
        var draft = table.draft
        subjects = draft.subjects
        var services: [Service.Key: Service] = [:]
        for case .service(let key) in subjects { services[key] = draft.service(key) }
        self.services = services
        for line in lines { self.lines[line.change.subject] = line.number }
    }

    func sentence(_ problem: Problem) -> String {
        let isWarning = problem.severity != .error
        let text = isWarning ? "warning: " : ""
        guard let path = problem.path, let (index, rest) = ServiceDraft.read(path: path),
            subjects.indices.contains(index)
        else {
            let place = problem.location.map { "\($0): " } ?? ""
            return text + place + problem.message
        }
        let sentence = Self.words(String(problem.sentence))
        switch subjects[index] {
        case .address(let key):
            let option = rest.hasSuffix("interface") ? "-F" : "-z"
            return line(ofAddress: key.address) + text + "\(option): \(sentence)"
        case .service(let key):
            guard let service = services[key] else { return text + "\(key): \(sentence)" }
            let subject = subject(rest, service, sentence)
            let number = lines[subject] ?? lines[.service(key)]
            let line = number.map { "line \($0): " } ?? ""
            if rest == ".localAddresses", sentence.hasPrefix("is empty") {
                return line + text + "\(key) has no local address (-P): new connections are dropped"
            }
            return line + text + "\(Self.option(rest, service)): \(sentence)"
        }
    }

    private func line(ofAddress address: IPAddress) -> String {
        let number = lines.first { subject, _ in
            if case .localAddress(_, address) = subject { return true }
            return false
        }
        return number.map { "line \($0.value): " } ?? ""
    }

    /// Which part of a service the rest of a path is about.
    ///
    /// Of an address or a name in a list, the value at the head of the sentence tells.
    private func subject(_ path: Substring, _ service: Service, _ sentence: String) -> Subject {
        let value = sentence.split(separator: "'", maxSplits: 2).first.map(String.init) ?? ""
        if path == ".localAddresses", let address = IPAddress(value) {
            return service.mode == .snat
                ? .server(service.key, address) : .localAddress(service.key, address)
        }
        if path == ".allow" || path == ".deny", let client = AddressSource(value) {
            return .client(service.key, client)
        }
        if let place = Self.place(in: path, of: ".backends["),
            service.backends.indices.contains(place)
        {
            return .server(service.key, service.backends[place].endpoint.address)
        }
        return .service(service.key)
    }

    private static func place(in path: Substring, of list: String) -> Int? {
        guard path.hasPrefix(list) else { return nil }
        return Int(path.dropFirst(list.count).prefix { $0 != "]" })
    }

    // MARK: - Words

    /// The option that says a field; where none does, the field.
    private static func option(_ path: Substring, _ service: Service) -> String {
        let field = path.split(separator: ".").last.map { $0.prefix { $0 != "[" } } ?? ""
        switch field {
        case "address", "port": return service.key.option.prefix { $0 != " " }.description
        case "match": return "-H"
        case "mode": return service.mode.option
        case "localAddresses": return service.mode == .snat ? "-r" : "-z"
        default: return options[String(field)] ?? (field.isEmpty ? "\(service.key)" : "\(field)")
        }
    }

    private static let options: [String: String] = [
        "backends": "-r", "weight": "-w", "maxConnections": "-x", "minConnections": "-y",
        "scheduler": "-s", "schedulerFlags": "-b", "hashTarget": "--hash-target",
        "persistence": "-p", "onePacket": "--ops", "clientAddress": "--proxy-protocol",
        "connectionTimeout": "--conn-timeout", "quic": "--quic", "destCheck": "--dest-check",
        "expireQuiescent": "--expire-quiescent", "tunnel": "--tun-type", "deny": "-k",
        "allow": "-2",
    ]

    /// What service files say, and how `ipvsadm` says it; longer ones come first.
    private static let replacements = [
        ("mode dr or tunnel", "-g or -i"), ("mode fnat or nat", "-b or -m"), ("mode dr", "-g"),
        ("mode tunnel", "-i"), ("mode fnat", "-b"), ("mode nat", "-m"), ("mode snat", "-J"),
        ("localAddresses", "local address"), ("maxConnections", "-x"), ("minConnections", "-y"),
        ("clientAddress", "--proxy-protocol"), ("connectionTimeout", "--conn-timeout"),
        ("hashTarget", "--hash-target"), ("schedulerFlags", "-b"), ("onePacket", "--ops"),
        ("destCheck", "--dest-check"), ("expireQuiescent", "--expire-quiescent"),
    ]

    private static func words(_ sentence: String) -> String {
        replacements.reduce(sentence) { text, pair in
            text.split(separator: pair.0, omittingEmptySubsequences: false)
                .joined(separator: pair.1)
        }
    }
}

extension ServiceChange {
    fileprivate var subject: ProblemText.Subject {
        switch self {
        case .addService(let key, _), .editService(let key, _), .deleteService(let key):
            .service(key)
        case .addServer(let key, let server), .editServer(let key, let server),
            .deleteServer(let key, let server):
            .server(key, server.address)
        case .addLocalAddress(let key, let address, _),
            .deleteLocalAddress(let key, let address, _):
            .localAddress(key, address)
        case .addClient(let key, _, let client), .deleteClient(let key, _, let client):
            .client(key, client)
        // There is no service afterwards that something could be said of.
        case .clear: .service(Service.Key(.mark(0), .tcp))
        }
    }
}
