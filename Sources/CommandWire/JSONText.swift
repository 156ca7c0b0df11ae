// SPDX-License-Identifier: Apache-2.0

extension String {
    /// As a string of JSON (RFC 8259 section 7), quotes included.
    var jsonText: [UInt8] {
        var text: [UInt8] = [UInt8(ascii: "\"")]
        for octet in utf8 {
            switch octet {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), octet]
            case ..<0x20:
                let digits = String(octet, radix: 16)
                text += Array("\\u00".utf8) + Array((digits.count < 2 ? "0" : "").utf8)
                text += Array(digits.utf8)
            default: text.append(octet)
            }
        }
        text.append(UInt8(ascii: "\""))
        return text
    }
}
