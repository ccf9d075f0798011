/// The Wilson score interval of a proportion.
///
/// E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22
/// (1927). Unlike the normal approximation it stays within [0, 1] and is right near the ends.
package struct WilsonInterval: Sendable, Equatable {
    /// The lower end, 0 to 1.
    package let lower: Double
    /// The upper end, 0 to 1, not below ``lower``.
    package let upper: Double

    /// The normal deviate of a two-sided 95% interval.
    package static let deviate95 = 1.959_963_984_540_054

    /// The interval of `successes` in `total` trials; [0, 1] without trials.
    ///
    /// Traps unless `successes` is from 0 to `total`.
    package init(successes: Int, total: Int, deviate: Double = deviate95) {
        precondition(successes >= 0)
        precondition(successes <= total)
        guard total > 0 else {
            lower = 0
            upper = 1
            return
        }
        let count = Double(total)
        let share = Double(successes) / count
        let square = deviate * deviate
        let centre = (share + square / (2 * count)) / (1 + square / count)
        let spread =
            deviate / (1 + square / count)
            * (share * (1 - share) / count + square / (4 * count * count)).squareRoot()
        lower = successes == 0 ? 0 : max(0, centre - spread)
        upper = successes == total ? 1 : min(1, centre + spread)
    }
}
