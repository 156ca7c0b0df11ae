// SPDX-License-Identifier: Apache-2.0

/// Text in the columns of `ipvsadm`; what is longer than its column pushes the others to the right.
extension String {
    func padded(_ width: Int) -> String {
        let count = self.count
        return count < width ? self + String(repeating: " ", count: width - count) : self
    }

    func aligned(_ width: Int) -> String {
        let count = self.count
        return count < width ? String(repeating: " ", count: width - count) + self : self
    }
}

extension UInt64 {
    /// A column of 8 characters with a blank before it: K, M, G and T are powers of 1000.
    func column(isExact: Bool) -> String {
        if isExact { return " " + "\(self)".aligned(8) }
        let (number, unit): (UInt64, String) =
            switch self {
            case ..<100_000_000: (self, "")
            case ..<1_000_000_000: (self / 1000, "K")
            case ..<100_000_000_000: (self / 1_000_000, "M")
            case ..<100_000_000_000_000: (self / 1_000_000_000, "G")
            default: (self / 1_000_000_000_000, "T")
            }
        return " " + "\(number)\(unit)".aligned(8)
    }
}
