import Numerics

/// One full seeded run within a study: a data set, a share of its rows, and a count.
package struct TrialKey: Hashable, Codable, Sendable, CustomStringConvertible {
    /// As in `--datasets`.
    package let dataset: String
    /// Share of each class's rows that is trained on, in millionths: exact in text and in keys.
    package let fractionMillionths: Int
    /// Counted from 0.
    package let trial: Int

    /// A trial of these.
    package init(dataset: String, fractionMillionths: Int, trial: Int) {
        self.dataset = dataset
        self.fractionMillionths = fractionMillionths
        self.trial = trial
    }

    /// Share of each class's rows, in (0, 1].
    package var fraction: Double { Double(fractionMillionths) / 1_000_000 }

    /// As in `mnist/0.01/3`.
    package var description: String { "\(dataset)/\(fraction)/\(trial)" }

    /// The seed of the trial's rows, weights, orders and masks.
    ///
    /// FNV-1a over base seed, data set, fraction and trial, then mixed (the finaliser of SplitMix64):
    /// no two trials of a study share a random number, so they are independent of each other.
    package func seed(base: UInt64) -> UInt64 {
        var hash = FNV1a()
        for byte in "\(base)/\(dataset)/\(fractionMillionths)/\(trial)".utf8 { hash.add(byte) }
        return hash.mixed
    }
}

extension FNV1a {
    /// The hash finished, so that every bit depends on every byte.
    fileprivate var mixed: UInt64 {
        var mixed = value
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
