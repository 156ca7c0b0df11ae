// SPDX-License-Identifier: Apache-2.0

/// A hash whose keys are written down here: every instance, of any version and any byte order,
/// gives the same value for the same numbers.
///
/// Consistent schedulers need that, so that two balancers send a client to the same backend. It
/// also means that a client can find out which source ports lead to one backend; tables whose
/// collisions cost time use the secret `HashKey` instead.
public enum FixedHash {
    // The first digits of pi, so that nobody has to wonder how they were chosen.
    private static var firstKey: UInt64 { 0x243F_6A88_85A3_08D3 }
    private static var secondKey: UInt64 { 0x1319_8A2E_0370_7344 }
    private static var thirdKey: UInt64 { 0xA409_3822_299F_31D0 }
    private static var fourthKey: UInt64 { 0x082E_FA98_EC4E_6C89 }

    /// Two folded multiplications spread three numbers over all bits.
    public static func of(_ first: UInt64, _ second: UInt64, _ third: UInt64 = 0) -> UInt64 {
        let product = (first ^ firstKey).multipliedFullWidth(by: second ^ secondKey)
        let folded = product.high ^ product.low ^ third
        let last = (folded ^ thirdKey).multipliedFullWidth(by: fourthKey)
        return finish(last.high ^ last.low)
    }

    /// The last step of SplitMix64 (Steele, Lea and Flood, 2014): each bit depends on each.
    private static func finish(_ hash: UInt64) -> UInt64 {
        var value = hash
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
