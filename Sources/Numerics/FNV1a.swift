/// The 64-bit hash FNV-1a (Fowler, Noll and Vo), equal on every machine.
///
/// For seeds and short digests. It does not resist anybody who looks for collisions.
package struct FNV1a: Sendable {
    /// The hash of everything added so far.
    package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    /// The hash of nothing yet.
    package init() {}

    /// Adds a number as one step; bytes, one after the other, give the published hash.
    package mutating func add(_ word: some UnsignedInteger & FixedWidthInteger) {
        value = (value ^ UInt64(word)) &* 0x100_0000_01B3
    }
}
