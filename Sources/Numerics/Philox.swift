/// What a random number is for; each purpose has a stream of its own.
///
/// The raw values are part of the reproducibility contract: they are never renumbered.
package enum RandomPurpose: UInt32, Sendable {
    /// Initial weights of a head.
    case headInitialisation = 1
    /// The key by which a row is sorted within an epoch of head training.
    case epochOrder = 2
    /// Which features of a row are dropped in an epoch of head training.
    case headDropout = 3
    /// Which rows `--fraction` keeps.
    case subsample = 4
    /// Initial weights of the backbone.
    case backboneInitialisation = 5
    /// The order of rows within an epoch of backbone training.
    case backboneOrder = 6
    /// The dropout after the backbone's flatten layer.
    case flattenDropout = 7
    /// The dropout after the backbone's dense layer.
    case denseDropout = 8
    /// In which fold of a cross-validation a row is held out.
    case crossValidation = 16
    /// Which rows `--holdout` takes out of the training rows.
    case holdout = 17
}

/// Philox4x32-10, a counter-based generator: four random words for a key and a counter.
///
/// Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011),
/// section 3.3. A value depends on `(seed, purpose, counter)` alone; nothing is ever advanced,
/// so any worker computes any number without knowing what others drew.
package enum Philox {
    /// Four 32-bit words for the seed (the key) and four counter words.
    package static func block(
        seed: UInt64, _ c0: UInt32, _ c1: UInt32, _ c2: UInt32, _ c3: UInt32
    ) -> SIMD4<UInt32> {
        var x0 = c0
        var x1 = c1
        var x2 = c2
        var x3 = c3
        var k0 = UInt32(truncatingIfNeeded: seed)
        var k1 = UInt32(truncatingIfNeeded: seed >> 32)
        for _ in 0..<10 {
            let p0 = 0xD251_1F53 as UInt64 &* UInt64(x0)
            let p1 = 0xCD9E_8D57 as UInt64 &* UInt64(x2)
            let y0 = UInt32(truncatingIfNeeded: p1 >> 32) ^ x1 ^ k0
            let y2 = UInt32(truncatingIfNeeded: p0 >> 32) ^ x3 ^ k1
            x1 = UInt32(truncatingIfNeeded: p1)
            x3 = UInt32(truncatingIfNeeded: p0)
            x0 = y0
            x2 = y2
            k0 &+= 0x9E37_79B9
            k1 &+= 0xBB67_AE85
        }
        return SIMD4(x0, x1, x2, x3)
    }

    /// Four words of a purpose: the purpose shares the last counter word with `index`.
    ///
    /// - Parameter index: below 2^24, for instance the number of a block within a row.
    package static func block(
        seed: UInt64, purpose: RandomPurpose, _ c0: UInt32, _ c1: UInt32, _ c2: UInt32,
        index: UInt32
    ) -> SIMD4<UInt32> {
        precondition(index < 1 << 24)
        return block(seed: seed, c0, c1, c2, purpose.rawValue << 24 | index)
    }

    /// A number in `[0, 1)` with 24 random bits, exactly representable.
    package static func uniform(_ word: UInt32) -> Float {
        Float(word >> 8) * 0x1p-24
    }

    /// A 64-bit key by which `(c0, c1, c2)` sorts, made of the first two words of its block.
    package static func key(
        seed: UInt64, purpose: RandomPurpose, _ c0: UInt32, _ c1: UInt32, _ c2: UInt32
    ) -> UInt64 {
        let words = block(seed: seed, purpose: purpose, c0, c1, c2, index: 0)
        return UInt64(words.y) << 32 | UInt64(words.x)
    }

    /// The seed of the numbers that are drawn for a class, given the class's key.
    ///
    /// A counter word has 32 bits: the low half of the key is one, the high half goes here. Keys below
    /// 2^32 leave the seed as it is.
    package static func seed(_ seed: UInt64, ofClass key: UInt64) -> UInt64 {
        seed &+ (key >> 32) &* 0xD134_2543_DE82_EF95
    }

    /// A 64-bit key by which the row `(row, class)` sorts, the class being named by its own key.
    ///
    /// - Parameter row: index within the class.
    package static func key(
        seed: UInt64, purpose: RandomPurpose, row: Int, ofClass classKey: UInt64, _ c2: UInt32
    ) -> UInt64 {
        key(
            seed: self.seed(seed, ofClass: classKey), purpose: purpose, UInt32(row),
            UInt32(truncatingIfNeeded: classKey), c2)
    }
}
