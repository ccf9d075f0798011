package import Formats
import Hashing
package import Heads
package import Numerics

/// The digests of results.json: SHA-256 in lower-case hexadecimal.
package enum RunDigests {
    /// Of all heads, ordered by size, then lexicographically by class list, in whatever order they
    /// are given: each its weights `[class, feature]` row by row, then its biases, float32
    /// little-endian.
    package static func heads(_ heads: [Head]) -> String {
        var hash = SHA256()
        for head in heads.sorted(by: { $0.key < $1.key }) {
            hash.update(head.weightSlice)
            hash.update(head.biasSlice)
        }
        return hexadecimal(hash.finalize())
    }

    /// Of whole networks in the plan's order: the SHA-256 of each one's weights, as 64 hexadecimal
    /// digits in lower case.
    package static func networks(_ weightDigests: [String]) -> String {
        var hash = SHA256()
        for digest in weightDigests { hash.update(Array(digest.utf8)) }
        return hexadecimal(hash.finalize())
    }

    /// Of the features `[sample, feature]`: the training rows, then the test rows, float32
    /// little-endian.
    ///
    /// - Parameter onBlock: called before a block is hashed, with the rows done and those of both; may
    ///   throw.
    /// - Throws: what reading the rows and `onBlock` throw.
    package static func features(
        train: any FeatureRows, test: any FeatureRows,
        onBlock: (_ rowsDone: Int, _ rowCount: Int) throws -> Void = { _, _ in }
    ) throws -> String {
        var hash = SHA256()
        var doneCount = 0
        for rows in [train, test] {
            try unsafe rows.forEachBlock { block, values in
                try onBlock(doneCount, train.rowCount + test.rowCount)
                unsafe hash.update(UnsafeRawBufferPointer(values))
                doneCount += block.count
            }
        }
        return hexadecimal(hash.finalize())
    }

    /// Of the bytes of a file, read in pieces.
    ///
    /// - Throws: `FormatError` when it cannot be read.
    package static func file(_ path: String) throws(FormatError) -> String {
        hexadecimal(try ByteSource(path).sha256())
    }

    /// Of the bytes of predictions.csv.
    package static func predictions(_ csv: [UInt8]) -> String {
        var hash = SHA256()
        hash.update(csv)
        return hexadecimal(hash.finalize())
    }
}
