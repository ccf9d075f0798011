import Numerics
import Testing

@Suite struct PhiloxTests {
    // Known answers of Random123's kat_vectors (philox 4x32, 10 rounds).
    @Test func agreesWithPublishedVectors() {
        #expect(
            Philox.block(seed: 0, 0, 0, 0, 0)
                == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
        #expect(
            Philox.block(seed: .max, .max, .max, .max, .max)
                == SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
        #expect(
            Philox.block(
                seed: 0x299F_31D0_A409_3822, 0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344)
                == SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
    }

    @Test func uniformIsBelowOne() {
        #expect(Philox.uniform(.max) < 1)
        #expect(Philox.uniform(0) == 0)
    }

    @Test func wideClassKeysChangeTheSeed() {
        #expect(Philox.seed(7, ofClass: 0) == 7)
        #expect(Philox.seed(7, ofClass: 0xFFFF_FFFF) == 7)
        #expect(Philox.seed(7, ofClass: 0x1_0000_0005) == 0xD134_2543_DE82_EF9C)
        #expect(
            Philox.key(seed: 7, purpose: .epochOrder, row: 5, ofClass: 3, 0)
                == Philox.key(seed: 7, purpose: .epochOrder, 5, 3, 0))
        // The number in Definition.md.
        #expect(
            Philox.key(seed: 7, purpose: .epochOrder, row: 5, ofClass: 3, 0)
                == 0x55C0_929B_668F_B931)
        #expect(
            Philox.key(seed: 7, purpose: .epochOrder, row: 5, ofClass: 0x1_0000_0003, 0)
                == Philox.key(seed: 0xD134_2543_DE82_EF9C, purpose: .epochOrder, 5, 3, 0))
    }

    @Test func purposesDiffer() {
        let order = Philox.key(seed: 1, purpose: .epochOrder, 0, 0, 0)
        let dropout = Philox.key(seed: 1, purpose: .headDropout, 0, 0, 0)
        #expect(order != dropout)
    }
}
