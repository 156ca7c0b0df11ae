// SPDX-License-Identifier: Apache-2.0
import CCrypto

extension SHA256 {
    /// A digest of octets that come one piece after another.
    @safe
    package struct Running: ~Copyable {
        private let context: OpaquePointer

        package init() {
            guard let context = unsafe EVP_MD_CTX_new(),
                unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1
            else { preconditionFailure("libcrypto has no SHA-256") }
            unsafe self.context = context
        }

        deinit { unsafe EVP_MD_CTX_free(context) }

        package mutating func append(_ bytes: some Collection<UInt8>) {
            let result = bytes.withContiguousStorageIfAvailable { bytes in
                unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
            }
            precondition(result == 1, "SHA-256 failed")
        }

        /// The 32 octets; call once, when nothing follows.
        package mutating func finish() -> [UInt8] {
            unsafe [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) {
                let result = unsafe EVP_DigestFinal_ex(context, $0.baseAddress, nil)
                precondition(result == 1, "SHA-256 failed")
                $1 = Int(SHA256_DIGEST_LENGTH)
            }
        }
    }
}
