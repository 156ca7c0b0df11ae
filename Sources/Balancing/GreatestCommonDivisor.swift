// SPDX-License-Identifier: Apache-2.0

/// Euclid's algorithm; the other number where one is 0.
public func greatestCommonDivisor(_ left: Int, _ right: Int) -> Int {
    right == 0 ? left : greatestCommonDivisor(right, left % right)
}
