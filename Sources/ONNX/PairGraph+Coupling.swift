import Foundation

extension PairGraph {
    /// The closest that a pair probability may be to 0 and to 1.
    private static let pairProbabilityMin = 1e-7
    /// What no pivot is below: one that rounding made 0 or less.
    private static let pivotMin = 1e-30

    /// Wu, Lin and Weng (2004), method 2: of all p that sum to 1 the one with the least p'Qp.
    ///
    /// There `Q p` is the same in all places, so p is the solution of `Q x = 1` over its sum. That is
    /// solved at once by Gauss and Jordan, in double, unrolled: a round per class, on all rows together.
    /// Q is positive on its diagonal and negative beside it, and stays so: nothing cancels but in pivots,
    /// which need no exchanges. Where pairs agree perfectly, Q has no inverse and the last pivot is 0 or
    /// close: the solution is taken in units of that pivot, so nothing is divided by it.
    func coupling(_ leads: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        // [N, equation, column]: Q, and a column of ones. The first equation is solved for the first
        // class, put into all others and goes behind them, and the class's column is done with.
        var system = system(leads, &builder)
        for round in 0..<classCount - 1 {
            let width = classCount + 1 - round
            let first = builder.slice(system, 0..<1, axis: 1)
            let others = builder.slice(system, 1..<classCount, axis: 1)
            let pivot = builder.add(
                "Max", builder.slice(first, 0..<1, axis: 2), .double(Self.pivotMin))
            let solved = builder.add("Div", builder.slice(first, 1..<width, axis: 2), pivot)
            let changed = builder.add(
                "Sub", builder.slice(others, 1..<width, axis: 2),
                builder.add("Mul", builder.slice(others, 0..<1, axis: 2), solved))
            system = builder.add("Concat", changed, solved, with: ["axis": .integer(1)])
        }
        // The last class's equation stands first: unit * x = right.
        let last = builder.slice(system, 0..<1, axis: 1)
        let others = builder.slice(system, 1..<classCount, axis: 1)
        let unit = builder.add("Max", builder.slice(last, 0..<1, axis: 2), .double(Self.pivotMin))
        let right = builder.slice(last, 1..<2, axis: 2)
        let rest = builder.add(
            "Sub", builder.add("Mul", builder.slice(others, 1..<2, axis: 2), unit),
            builder.add("Mul", builder.slice(others, 0..<1, axis: 2), right))
        let solution = builder.add("Concat", rest, right, with: ["axis": .integer(1)])
        let values = builder.add("Squeeze", solution, .integers([2]))
        return builder.cast(
            builder.normalized(values, columnCount: classCount, isDouble: true), to: .float)
    }

    /// `[N, class, class + 1]`, double: `Q_tt` the sum of `r_st^2`, `Q_ts = -r_st r_ts`, and a column of
    /// ones.
    private func system(_ leads: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        // By classes s and t, where s's probability within their pair is, see ``pairProbabilities``.
        let places = (0..<classCount).flatMap { first in
            (0..<classCount).map { second in
                first < second
                    ? Self.place(first, second)
                    : first == second ? 0 : pairCount + Self.place(second, first)
            }
        }
        func square(_ value: (_ isDiagonal: Bool) -> Double) -> GraphTensor {
            GraphTensor(
                [classCount, classCount],
                .doubles(
                    (0..<classCount * classCount).map {
                        value($0 % (classCount + 1) == 0)
                    }))
        }
        let gathered = builder.add(
            "Gather", pairProbabilities(leads, &builder), .integers(places),
            with: ["axis": .integer(1)])
        // r[s, t]: how likely s is within the pair of s and t.
        let ratios = builder.add("Reshape", gathered, .integers([-1, classCount, classCount]))
        let turned = builder.add("Transpose", ratios, with: ["perm": .integers([0, 2, 1])])
        let negative = builder.add(
            "Mul", builder.add("Mul", ratios, turned), square { $0 ? 0 : -1 })
        let squares = builder.add(
            "Mul", builder.add("Mul", turned, turned), square { $0 ? 0 : 1 })
        let sums = builder.add("ReduceSum", squares, .integers([2]))
        let quadratic = builder.add(
            "Add", negative, builder.add("Mul", sums, square { $0 ? 1 : 0 }))
        let right = builder.add("Add", builder.add("Mul", sums, .double(0)), .double(1))
        return builder.add("Concat", quadratic, right, with: ["axis": .integer(2)])
    }

    /// `[N, 2 * pair]`, double: how likely the lower class of each pair is within it, then the higher.
    ///
    /// By the odds of the loser, in units of the winner: that one is exact where a sigmoid ends, and
    /// tract has no sigmoid in double.
    private func pairProbabilities(
        _ leads: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        let bound = Float(log((1 - Self.pairProbabilityMin) / Self.pairProbabilityMin))
        let distance = builder.add("Clip", builder.add("Abs", leads), .float(0), .float(bound))
        let odds = builder.cast(builder.add("Exp", builder.add("Neg", distance)), to: .double)
        let winner = builder.add(
            "Div", builder.constant(.double(1)), builder.add("Add", odds, .double(1)))
        let loser = builder.add("Mul", odds, winner)
        let lowerWins = builder.add("GreaterOrEqual", leads, .float(0))
        return builder.add(
            "Concat", builder.add("Where", lowerWins, winner, loser),
            builder.add("Where", lowerWins, loser, winner), with: ["axis": .integer(1)])
    }
}
