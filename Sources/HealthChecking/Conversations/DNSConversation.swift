// SPDX-License-Identifier: Apache-2.0
import Model

/// Asks a name server over UDP; any answer without an error is good (RFC 1035 section 4.1).
struct DNSConversation: Conversation {
    private let dns: HealthProbe.DNS
    private let identifier: UInt16

    init(_ dns: HealthProbe.DNS, identifier: UInt16) {
        self.dns = dns
        self.identifier = identifier
    }

    mutating func begin() -> ConversationStep {
        // Recursion desired, one question.
        var query: [UInt8] = [UInt8(identifier >> 8), UInt8(identifier & 0xFF), 1, 0, 0, 1]
        query += Array(repeating: 0, count: 6)
        for label in dns.name.split(separator: ".") {
            query.append(UInt8(clamping: label.utf8.count))
            query += Array(label.utf8)
        }
        // The root, the type, class IN.
        query += [0, UInt8(dns.record.number >> 8), UInt8(dns.record.number & 0xFF), 0, 1]
        return .send(query)
    }

    mutating func receive(_ octets: [UInt8]) -> ConversationStep {
        guard octets.count >= 12, octets[0] == UInt8(identifier >> 8),
            octets[1] == UInt8(identifier & 0xFF), octets[2] & 0x80 != 0
        else { return .wait }
        let code = Int(octets[3] & 0x0F)
        guard code == 0 else {
            let name = Self.codes.indices.contains(code) ? Self.codes[code] : "error \(code)"
            return .finish(.bad("answers \(name)"))
        }
        return .finish(.good)
    }

    private static let codes = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"]
}

extension HealthProbe.DNS.Record {
    fileprivate var number: UInt16 {
        switch self {
        case .a: 1
        case .ns: 2
        case .cname: 5
        case .soa: 6
        case .ptr: 12
        case .mx: 15
        case .txt: 16
        case .aaaa: 28
        }
    }
}
