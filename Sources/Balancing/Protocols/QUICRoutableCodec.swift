// SPDX-License-Identifier: Apache-2.0
import Cryptography

/// Reads and writes the connection ids of one `QUICRoutableFormat`.
///
/// Made by the control side, one for each thread that uses it, as the cipher has state.
@safe
public struct QUICRoutableCodec: ~Copyable {
    private enum Cipher {
        case none
        /// Section 5.4.1: server id and nonce are one block.
        case singlePass
        /// Section 5.4.2: they are the halves of a Feistel network.
        case fourPass
    }

    public let rotation: UInt8
    private let serverIDLength: Int
    private let nonceLength: Int
    private let bodyLength: Int
    private let cipher: Cipher
    private let aes: AES128
    /// The bits of each half in a block of their own.
    private let leftMask: AESBlock
    private let rightMask: AESBlock

    /// Nil when memory is short.
    public init?(_ format: QUICRoutableFormat) {
        let unused = [UInt8](repeating: 0, count: AES128.keyLength)
        guard let aes = AES128(key: format.key ?? unused) else { return nil }
        self.aes = aes
        rotation = format.rotation
        serverIDLength = format.serverIDLength
        nonceLength = format.nonceLength
        bodyLength = format.bodyLength
        cipher = format.key == nil ? .none : bodyLength == 16 ? .singlePass : .fourPass
        leftMask = AESBlock(leadingOnes: bodyLength * 4)
        let rightEnd = AESBlock(leadingOnes: (bodyLength + 1) / 2 * 8)
        rightMask = rightEnd & (AESBlock(leadingOnes: bodyLength % 2 * 4) ^ AESBlock.ones)
    }

    // MARK: - Reading

    /// The server that made `id`, or whatever a client's invention decrypts to; nil when it is too
    /// short or of another configuration.
    ///
    /// `id` may be longer, as what follows a short header's first octet is.
    public func serverID(of id: QUICConnectionID) -> QUICServerID? {
        guard id.count > bodyLength, id.bits(at: 0, 3) == UInt64(rotation) else { return nil }
        let length = serverIDLength &* 8
        let server: AESBlock
        switch cipher {
        case .none: server = id.block(at: 8, length)
        case .singlePass:
            guard let block = aes.decrypt(id.block(at: 8, 128)) else { return nil }
            server = block & AESBlock(leadingOnes: length)
        case .fourPass:
            guard let plain = undoFourPasses(id) else { return nil }
            server = plain.block(at: 8, length)
        }
        return QUICServerID(block: server, count: serverIDLength)
    }

    /// Section 5.5.2: three passes when the left half holds the server id.
    private func undoFourPasses(_ id: QUICConnectionID) -> QUICConnectionID? {
        var left = leftHalf(of: id)
        var right = rightHalf(of: id)
        guard
            let pass4 = pass(4, right, leftMask),
            let pass3 = pass(3, left ^ pass4, rightMask),
            let pass2 = pass(2, right ^ pass3, leftMask)
        else { return nil }
        left = left ^ pass4 ^ pass2
        right = right ^ pass3
        if serverIDLength &* 2 > bodyLength {
            guard let pass1 = pass(1, left, rightMask) else { return nil }
            right = right ^ pass1
        }
        return join(left, right)
    }

    // MARK: - Writing

    /// The id by which `server` is found, for servers; nil when a length is not the format's.
    ///
    /// Servers may count nonces; without a key they are random. With `tellsLength` the first octet
    /// says how long the id is, for hardware that has to know; otherwise its bits are random.
    public func connectionID(
        of server: QUICServerID,
        nonce: [UInt8],
        tellsLength: Bool = true,
        using random: inout some RandomNumberGenerator
    ) -> QUICConnectionID? {
        guard
            server.count == serverIDLength, nonce.count == nonceLength,
            let nonce = QUICConnectionID(nonce)
        else { return nil }
        var id = QUICConnectionID(zeros: bodyLength + 1)
        let low = tellsLength ? UInt64(bodyLength) : random.next() >> 59
        let first = UInt64(rotation) << 5 | low
        id.set(first, at: 0, 8)
        id.set(server.block, at: 8, serverIDLength * 8)
        let offset = 8 + serverIDLength * 8
        id.set(nonce.block(at: 0, 128), at: offset, min(128, nonceLength * 8))
        if nonceLength > 16 {
            id.set(nonce.bits(at: 128, 16), at: offset + 128, nonceLength * 8 - 128)
        }
        switch cipher {
        case .none: return id
        case .singlePass:
            guard let block = aes.encrypt(id.block(at: 8, 128)) else { return nil }
            id.set(block, at: 8, 128)
            return id
        case .fourPass:
            guard var encrypted = fourPasses(id) else { return nil }
            encrypted.set(first, at: 0, 8)
            return encrypted
        }
    }

    private func fourPasses(_ id: QUICConnectionID) -> QUICConnectionID? {
        var left = leftHalf(of: id)
        var right = rightHalf(of: id)
        guard let pass1 = pass(1, left, rightMask) else { return nil }
        right = right ^ pass1
        guard let pass2 = pass(2, right, leftMask) else { return nil }
        left = left ^ pass2
        guard let pass3 = pass(3, left, rightMask) else { return nil }
        right = right ^ pass3
        guard let pass4 = pass(4, right, leftMask) else { return nil }
        return join(left ^ pass4, right)
    }

    // MARK: - Halves

    // An odd body is split in the middle of an octet. The left half then ends with a zero nibble,
    // and the right one begins with one.

    private var halfLength: Int { (bodyLength &+ 1) >> 1 &* 8 }

    private func leftHalf(of id: QUICConnectionID) -> AESBlock {
        id.block(at: 8, halfLength) & leftMask
    }

    private func rightHalf(of id: QUICConnectionID) -> AESBlock {
        id.block(at: 8 &+ bodyLength &* 8 &- halfLength, halfLength) & rightMask
    }

    /// An id without its first octet.
    private func join(_ left: AESBlock, _ right: AESBlock) -> QUICConnectionID {
        var id = QUICConnectionID(zeros: bodyLength &+ 1)
        id.set(right, at: 8 &+ bodyLength &* 8 &- halfLength, halfLength)
        id.set(left, at: 8, bodyLength &* 4)
        return id
    }

    /// `truncate(AES_ECB(key, expand(length, pass, half)))` of section 5.4.2: the block ends with the
    /// length of server id and nonce and the number of the pass.
    private func pass(_ number: UInt64, _ half: AESBlock, _ mask: AESBlock) -> AESBlock? {
        let ending = UInt64(bodyLength) << 8 | number
        return aes.encrypt(half | AESBlock(high: 0, low: ending)).map { $0 & mask }
    }
}

extension AESBlock {
    fileprivate static var ones: AESBlock { AESBlock(high: .max, low: .max) }
}
