import Numerics
import Testing

@Suite struct FNV1aTests {
    // Of the test vectors that the hash's authors publish (draft-eastlake-fnv).
    @Test(
        arguments: [
            ("", 0xCBF2_9CE4_8422_2325), ("a", 0xAF63_DC4C_8601_EC8C),
            ("foobar", 0x8594_4171_F739_67E8),
        ] as [(String, UInt64)])
    func bytesGiveThePublishedHash(text: String, expected: UInt64) {
        var hash = FNV1a()
        for byte in text.utf8 { hash.add(byte) }
        #expect(hash.value == expected)
    }

    @Test func aWordIsOneStep() {
        var word = FNV1a()
        word.add(0x6162 as UInt32)
        let start: UInt64 = 0xCBF2_9CE4_8422_2325
        #expect(word.value == (start ^ 0x6162) &* 0x100_0000_01B3)
    }
}
