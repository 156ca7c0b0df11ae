// SPDX-License-Identifier: Apache-2.0

extension UnsafeMutablePointer where Pointee: ~Copyable {
    /// Memory for `capacity` values in cache lines that nothing else is in: for what one thread
    /// writes all the time, so that it slows down no other.
    public static func allocateLines(capacity: Int) -> UnsafeMutablePointer {
        let line = 64
        let size = (max(1, capacity) * MemoryLayout<Pointee>.stride + line - 1) / line * line
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: line)
        return unsafe memory.bindMemory(to: Pointee.self, capacity: max(1, capacity))
    }
}
