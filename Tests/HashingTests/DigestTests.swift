import Hashing
import Testing

@Suite struct DigestTests {
    // FIPS 180-2 appendix B.1, and RFC 7693's algorithm with a 32-byte digest (from b2sum -l 256).
    @Test func agreesWithPublishedVectors() {
        var hash = SHA256()
        hash.update(Array("ab".utf8))
        hash.update(Array("c".utf8))
        #expect(
            hexadecimal(hash.finalize())
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            hexadecimal(BLAKE2b.digest(Array("abc".utf8)))
                == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319")
    }
}
