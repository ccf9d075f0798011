package import Heads
import Numerics

/// What to train: a head, at a penalty, from where its path was.
package struct PathRequest: Sendable {
    /// Which head.
    package let key: HeadKey
    /// scikit-learn's inverse strength of the penalty.
    package let c: Double
    /// Up to two earlier points of the path, the nearest last.
    package let start: [PathPoint]

    /// A head to train.
    ///
    /// - Parameter start: up to two earlier points of the path, the nearest last.
    package init(key: HeadKey, c: Double, start: [PathPoint]) {
        self.key = key
        self.c = c
        self.start = start
    }
}

extension PathTrainer {
    /// Trains heads, those of two outputs side by side, with the bits that each has alone.
    ///
    /// - Parameter isCancelled: asked before every pass over rows.
    /// - Returns: the heads in the order of the requests.
    /// - Throws: `cancelled`, or `unusableInput` as for a single one.
    package func train(
        _ requests: [PathRequest], isCancelled: () -> Bool = { false }
    ) throws(HeadTrainingError) -> [PathHead] {
        var found = [PathHead?](repeating: nil, count: requests.count)
        var binary: [Int] = []
        for (index, request) in requests.enumerated() {
            if request.key.outputCount == 2 {
                try check(request.key, c: request.c, request.start)
                binary.append(index)
            } else {
                found[index] = try train(
                    request.key, c: request.c, from: request.start, isCancelled: isCancelled)
            }
        }
        let members = binary.map { member(requests[$0]) }
        try BinaryBatch(table, members, kernels: PathKernels(index: kernels.index))
            .run(isCancelled: isCancelled)
        for (index, member) in zip(binary, members) {
            found[index] = result(member, requests[index].key)
        }
        return found.compactMap { $0 }
    }

    private func member(_ request: PathRequest) -> BinaryBatch.Member {
        let key = request.key
        let (groups, order) = ordered(key)
        let outputs = order.map { groups[$0] }
        let sums = outputs.map { $0.reduce(0.0) { $0 + table.classWeightSums[$1] } }
        let factors = isBalanced ? ClassWeights.balanced(rowWeights: sums) : sums.map { _ in 1 }
        let weights = zip(sums, factors).map { $0 * $1 }
        let stride = table.stride
        let places = request.start.suffix(2).map { place($0.head, order) }
        var start: [FloatBlock] = []
        if places.count == 2 {
            let factor = PathPoint.factor(
                request.start.suffix(2).map(\.c), to: request.c,
                sizes: places.map { square($0, stride) })
            if let factor {
                let ahead = FloatBlock(count: places[0].count)
                for index in 0..<ahead.count {
                    let (one, two) = (Double(places[0][index]), Double(places[1][index]))
                    ahead[index] = Float(two + factor * (two - one))
                }
                start.append(ahead)
            }
        }
        if let last = places.last {
            start.append(last)
        } else {
            let share = FloatBlock(count: stride + PathKernels.lanes)
            share[stride] = Float(
                Double.reproducibleLogarithm(weights[0]) - Double.reproducibleLogarithm(weights[1]))
            start = [share]
        }
        let head = BinaryHead(
            start: start, stride: stride, strength: l2(of: key, c: request.c) / 2,
            weightSum: sums.reduce(0, +), tolerance: gapTolerance,
            largestNorm: key.classes.members.reduce(0) { max($0, classNorms[$1]) }, kernels: kernels
        )
        return BinaryBatch.Member(
            head: head, outputs: outputs, factors: factors, basis: basis(of: key))
    }

    /// The difference of a head's outputs `[width]`.
    private func place(_ head: Head, _ order: [Int]) -> FloatBlock {
        let stride = table.stride
        let place = FloatBlock(count: stride + PathKernels.lanes)
        let (weights, biases) = (head.weights, head.biasSlice)
        for column in 0..<table.featureCount {
            place[column] = weights[order[0], column] - weights[order[1], column]
        }
        place[stride] =
            biases[biases.startIndex + order[0]] - biases[biases.startIndex + order[1]]
        return place
    }

    private func square(_ place: FloatBlock, _ stride: Int) -> Double {
        (0..<stride).reduce(0) { $0 + Double(place[$1]) * Double(place[$1]) }
    }

    private func result(_ member: BinaryBatch.Member, _ key: HeadKey) -> PathHead {
        let (position, objective, bound) = member.head.end
        let (_, order) = ordered(key)
        var weights = Matrix(rowCount: 2, columnCount: table.featureCount)
        var biases: [Float] = [0, 0]
        for (output, place) in order.enumerated() {
            let half: Float = output == 0 ? 0.5 : -0.5
            for column in 0..<table.featureCount {
                weights[place, column] = half * position[column]
            }
            biases[place] = half * position[table.stride]
        }
        let gap = bound ?? objective
        return PathHead(
            head: Head(key: key, weights: weights, biases: biases),
            certificate: GapCertificate(
                objective: objective, lowerBound: objective - min(gap, objective),
                passCount: member.head.passCount, productCount: member.head.productCount,
                isCertified: gap <= gapTolerance * objective))
    }
}
