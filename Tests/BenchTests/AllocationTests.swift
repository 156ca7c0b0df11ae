// SPDX-License-Identifier: Apache-2.0
import CAllocations
import Testing

/// Whether the check would notice: `dpvs-bench allocations` checks the release build itself.
///
/// Unoptimised code asks for memory here and there, even to count to ten.
@Suite struct AllocationTests {
    private final class Box {
        var value = 0
    }

    @inline(never)
    private static func touch(_ box: Box) { box.value += 1 }

    private static func allocations(in body: () -> Void) -> UInt64 {
        let before = CAllocations_count()
        body()
        return CAllocations_count() - before
    }

    @Test func `memory that lives for a moment is noticed`() {
        #expect(Self.allocations { for _ in 0..<10 { Self.touch(Box()) } } >= 10)
        let lines = Self.allocations {
            unsafe UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64).deallocate()
        }
        #expect(lines == 1)
        #expect(Self.allocations {} == 0)
    }
}
