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
        var places = [Int](repeating: 0, count: classCount * classCount)
        var signs = [Double](repeating: 0, count: classCount * classCount)
        for second in 1..<classCount {
            for first in 0..<second {
                let pair = Self.place(first, second)
                places[first * classCount + second] = pair
                places[second * classCount + first] = pair
                signs[first * classCount + second] = 1
                signs[second * classCount + first] = -1
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
        // Clipped before the sigmoid, of which only numbers in between are asked.
        let bound = Float(log((1 - Self.pairProbabilityMin) / Self.pairProbabilityMin))
        let clipped = builder.cast(
            builder.add("Clip", leads, .float(-bound), .float(bound)), to: .double)
        let gathered = builder.add(
            "Gather", clipped, .integers(places), with: ["axis": .integer(1)])
        let sided = builder.add("Mul", gathered, GraphTensor([signs.count], .doubles(signs)))
        // r[s, t]: how likely s is within the pair of s and t.
        let ratios = builder.add(
            "Reshape", builder.add("Sigmoid", sided), .integers([-1, classCount, classCount]))
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
}
