/// The middle of some measurements.
package enum Median {
    /// The middle value; of an even count the mean of the two in the middle; 0 of none.
    package static func of(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}
