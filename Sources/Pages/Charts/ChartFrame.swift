import Numerics

/// Where workers and speedups lie in the picture: both axes have the same scale.
struct ChartFrame {
    let left = 52.0
    let rightEdge = 466.0
    let top: Double
    let floor: Double
    /// The most workers shown.
    let most: Double
    /// The largest number on both axes.
    let limit: Double
    /// The smallest number on both axes.
    private let low: Double
    private let isDoubling: Bool

    /// The frame for so many workers below `top`; `least` is the smallest speedup, at most 1.
    init(most: Double, least: Double, top: Double) {
        self.top = top
        floor = top + 320
        self.most = most
        isDoubling = most > 8
        limit = isDoubling ? most * 1.3 : max(2, most) + max(1, (most / 8).rounded(.down)) * 0.5
        low = isDoubling ? max(0.25, least) * 0.84 : 0
    }

    /// Evenly spaced numbers, or powers of two.
    var ticks: [Double] {
        guard isDoubling else { return Array(stride(from: 0.0, through: limit, by: 1)) }
        return Array(sequence(first: 1.0) { $0 * 2 <= limit ? $0 * 2 : nil })
    }

    func x(_ workers: Double) -> Double { left + share(workers) * (rightEdge - left) }

    func y(_ speedup: Double) -> Double { floor - share(speedup) * (floor - top) }

    /// The number at a share of the way from one to another, as the axis goes.
    func between(_ first: Double, _ last: Double, _ share: Double) -> Double {
        isDoubling
            ? first * .reproducibleExponential(share * .reproducibleLogarithm(last / first))
            : first + (last - first) * share
    }

    private func share(_ value: Double) -> Double {
        let value = min(max(value, low), limit)
        return isDoubling
            ? .reproducibleLogarithm(value / low) / .reproducibleLogarithm(limit / low)
            : value / limit
    }
}
