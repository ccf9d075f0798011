import Hashing
package import HeadPlan
package import Tensors

/// The digests of results.json: SHA-256 in lower-case hexadecimal.
package enum RunDigests {
    /// Of all heads, ordered by size, then lexicographically by class list, in whatever order they
    /// are given: each its weights `[class, feature]` row by row, then its biases, float32
    /// little-endian.
    package static func heads(_ heads: [Head]) -> String {
        var hash = SHA256()
        for head in planOrdered(heads) {
            hash.update(head.weights.values)
            hash.update(head.biases)
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
    package static func features(train: Matrix, test: Matrix) -> String {
        var hash = SHA256()
        hash.update(train.values)
        hash.update(test.values)
        return hexadecimal(hash.finalize())
    }

    /// Of the bytes of predictions.csv.
    package static func predictions(_ csv: [UInt8]) -> String {
        var hash = SHA256()
        hash.update(csv)
        return hexadecimal(hash.finalize())
    }

    /// Of arrays of numbers, one after the other, float32 little-endian.
    package static func arrays(_ arrays: [[Float]]) -> String {
        var hash = SHA256()
        for array in arrays { hash.update(array) }
        return hexadecimal(hash.finalize())
    }

    /// Heads by size, then lexicographically by class list.
    static func planOrdered(_ heads: [Head]) -> [Head] {
        // A set's members are an allocation each: made once per head, not once per comparison.
        heads.map { (members: $0.classes.members, head: $0) }.sorted { left, right in
            left.members.count != right.members.count
                ? left.members.count < right.members.count
                : left.members.lexicographicallyPrecedes(right.members)
        }.map(\.head)
    }
}
