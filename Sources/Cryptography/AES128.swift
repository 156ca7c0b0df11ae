// SPDX-License-Identifier: Apache-2.0
import CCrypto

/// Sixteen octets as two big-endian halves: what a block cipher turns into another such.
public struct AESBlock: Hashable, Sendable, BitwiseCopyable {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    fileprivate init(bigEndian halves: (UInt64, UInt64)) {
        high = UInt64(bigEndian: halves.0)
        low = UInt64(bigEndian: halves.1)
    }

    /// A block whose first `count` bits are ones, and no others.
    public init(leadingOnes count: Int) {
        high = ~(UInt64.max >> UInt64(max(0, count)))
        low = ~(UInt64.max >> UInt64(max(0, count - 64)))
    }

    public static func ^ (left: AESBlock, right: AESBlock) -> AESBlock {
        AESBlock(high: left.high ^ right.high, low: left.low ^ right.low)
    }

    public static func & (left: AESBlock, right: AESBlock) -> AESBlock {
        AESBlock(high: left.high & right.high, low: left.low & right.low)
    }

    public static func | (left: AESBlock, right: AESBlock) -> AESBlock {
        AESBlock(high: left.high | right.high, low: left.low | right.low)
    }
}

extension AESBlock: Comparable {
    public static func < (left: AESBlock, right: AESBlock) -> Bool {
        left.high < right.high || (left.high == right.high && left.low < right.low)
    }
}

/// AES-128 on single blocks (FIPS 197), by libcrypto.
///
/// libcrypto's contexts are made here and only change when used, without allocating, so that
/// workers may call; each thread has a cipher of its own.
@safe
public struct AES128: ~Copyable {
    public static let keyLength = 16

    private let encryption: OpaquePointer
    private let decryption: OpaquePointer

    /// Nil when `key` has not 16 octets or memory is short.
    public init?(key: [UInt8]) {
        guard key.count == Self.keyLength, let encryption = unsafe EVP_CIPHER_CTX_new() else {
            return nil
        }
        guard let decryption = unsafe EVP_CIPHER_CTX_new() else {
            unsafe EVP_CIPHER_CTX_free(encryption)
            return nil
        }
        guard unsafe Self.prepare(encryption, decryption, key) else {
            unsafe EVP_CIPHER_CTX_free(encryption)
            unsafe EVP_CIPHER_CTX_free(decryption)
            return nil
        }
        unsafe self.encryption = encryption
        unsafe self.decryption = decryption
    }

    /// Both for single blocks: every block is a message of its own, without padding.
    @unsafe
    private static func prepare(
        _ encryption: OpaquePointer,
        _ decryption: OpaquePointer,
        _ key: [UInt8]
    ) -> Bool {
        guard let cipher = unsafe EVP_aes_128_ecb() else { return false }
        return unsafe EVP_EncryptInit_ex(encryption, cipher, nil, key, nil) == 1
            && EVP_DecryptInit_ex(decryption, cipher, nil, key, nil) == 1
            && EVP_CIPHER_CTX_set_padding(encryption, 0) == 1
            && EVP_CIPHER_CTX_set_padding(decryption, 0) == 1
    }

    deinit {
        unsafe EVP_CIPHER_CTX_free(encryption)
        unsafe EVP_CIPHER_CTX_free(decryption)
    }

    /// Nil when libcrypto refuses.
    public func encrypt(_ block: AESBlock) -> AESBlock? {
        var input = (block.high.bigEndian, block.low.bigEndian)
        var output: (UInt64, UInt64) = (0, 0)
        var length: Int32 = 0
        let result = unsafe withUnsafeMutableBytes(of: &output) { output in
            unsafe withUnsafeMutableBytes(of: &input) { input in
                unsafe EVP_EncryptUpdate(
                    encryption,
                    output.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    &length,
                    input.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    16
                )
            }
        }
        return result == 1 && length == 16 ? AESBlock(bigEndian: output) : nil
    }

    /// Nil when libcrypto refuses.
    public func decrypt(_ block: AESBlock) -> AESBlock? {
        var input = (block.high.bigEndian, block.low.bigEndian)
        var output: (UInt64, UInt64) = (0, 0)
        var length: Int32 = 0
        let result = unsafe withUnsafeMutableBytes(of: &output) { output in
            unsafe withUnsafeMutableBytes(of: &input) { input in
                unsafe EVP_DecryptUpdate(
                    decryption,
                    output.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    &length,
                    input.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    16
                )
            }
        }
        return result == 1 && length == 16 ? AESBlock(bigEndian: output) : nil
    }
}
