// SPDX-License-Identifier: Apache-2.0
import CCrypto

/// The digest of FIPS 180-4, by libcrypto.
package enum SHA256 {
    /// Of `bytes`, as 64 hexadecimal digits.
    package static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digest = unsafe [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) {
            let result = unsafe CCrypto.SHA256(bytes, bytes.count, $0.baseAddress)
            precondition(unsafe result != nil, "SHA256 failed")
            $1 = Int(SHA256_DIGEST_LENGTH)
        }
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
