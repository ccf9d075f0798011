import Numerics

/// One head of two outputs on its way to its optimum, as a machine that others are beside: it says what it wants of
/// the next pass over its rows, and goes on from what the pass says.
///
/// The head is one vector v, the difference of its outputs' weights `[width]`, the bias at `stride`; the outputs have
/// halves of it. Its objective is the mean of `log(1 + exp(-y v x))` and `l2 / 4 |v|^2`, which is the two outputs'. The
/// way is ``PathSolver``'s: Newton's steps by conjugate gradients.
final class BinaryHead {
    /// What it wants.
    enum Wish { case gradient, product, preconditioning, nothing }

    private enum Purpose { case ahead, behind, search, biases }

    private(set) var wish = Wish.gradient
    private(set) var passCount = 0
    private(set) var productCount = 0
    /// The mean of `p (1 - p)` at the position.
    private(set) var curvature = 0.0
    /// What is left of the gradient, for the preconditioner; then what the preconditioner made of it.
    let rest: DoubleBlock
    let scaled: DoubleBlock
    /// By eigenvector or axis, what the preconditioner multiplies by.
    let inverses: DoubleBlock
    /// The penalty's strength on v.
    let strength: Double

    private let stride: Int
    private let weightSum: Double
    private let tolerance: Double
    private let largestNorm: Double
    private let kernels: ConvexKernels
    private var purpose: Purpose
    private var behind: FloatBlock?
    private var trial: FloatBlock
    private var position: FloatBlock
    private var state: Evaluation?
    private var firstAhead: Evaluation?
    private let step: DoubleBlock
    private let search: DoubleBlock
    private let sums: DoubleBlock
    private var loss = 0.0
    private var curvatureSum = 0.0
    /// Gradients that are not needed any more.
    private var spare: [DoubleBlock] = []
    private var scale = 1.0
    private var slope = 0.0
    private var conjugateCount = 0
    private var allowed = 0.0
    private var line = Line()
    private var stepCount = 0
    private var stuckCount = 0
    private var biasStepCount = 0
    private var best: (objective: Double, gap: Double?, position: FloatBlock)?

    private struct Evaluation {
        let gradient: DoubleBlock
        let objective: Double
        let square: Double
        let curvature: Double
    }

    /// A step's length, between those that are too short and too long.
    private struct Line {
        var slope = 0.0
        var length = 1.0
        var low = (length: 0.0, slope: 0.0)
        var high: (length: Double, slope: Double)?
        var round = 0
    }

    /// - Parameters:
    ///   - start: where it begins; of two places the second is where the path ended, the first ahead of it.
    init(
        start: [FloatBlock], stride: Int, strength: Double, weightSum: Double, tolerance: Double,
        largestNorm: Double, kernels: ConvexKernels
    ) {
        self.stride = stride
        self.strength = strength
        self.weightSum = weightSum
        self.tolerance = tolerance
        self.largestNorm = largestNorm
        self.kernels = kernels
        trial = start[0]
        position = start[0]
        behind = start.count > 1 ? start[1] : nil
        purpose = start.count > 1 ? .ahead : .search
        let count = start[0].count
        rest = DoubleBlock(count: count)
        scaled = DoubleBlock(count: count)
        step = DoubleBlock(count: count)
        search = DoubleBlock(count: count)
        sums = DoubleBlock(count: count)
        inverses = DoubleBlock(count: count)
    }

    /// Begins a pass: the vector that rows are multiplied with goes to `target` `[width]`.
    func begin(_ target: UnsafeMutablePointer<Float>) {
        if wish == .gradient {
            unsafe target.update(from: trial.pointer, count: trial.count)
        } else {
            // At about 1 products with small probabilities are normal numbers, others being slow.
            let size = kernels.dot(search, search).squareRoot()
            scale =
                size > 0 && size.isFinite
                ? Double(sign: .plus, exponent: -size.exponent, significand: 1) : 1
            for index in 0..<search.count {
                unsafe target[index] = Float(search.pointer[index] * scale)
            }
        }
        sums.clear()
        loss = 0
        curvatureSum = 0
    }

    /// Adds sums of a block of rows `[stride]`.
    func add(_ block: UnsafePointer<Float>) {
        for column in 0..<stride { unsafe sums.pointer[column] += Double(block[column]) }
    }

    /// Adds a class's other sums: loss and `p (1 - p)` are a gradient's only.
    func add(bias: Double, loss: Double, curvature: Double) {
        sums[stride] += bias
        self.loss += loss
        curvatureSum += curvature
    }

    /// Goes on from what the pass said.
    func finish() {
        if wish == .product {
            productCount += 1
            takeProduct(sums)
            return
        }
        passCount += 1
        let share = 1 / weightSum
        let gradient = spare.popLast() ?? DoubleBlock(count: sums.count)
        var (size, square) = (0.0, 0.0)
        for column in 0..<stride {
            let weight = unsafe Double(trial.pointer[column])
            let value = unsafe sums.pointer[column] * share + strength * weight
            unsafe gradient.pointer[column] = value
            size += weight * weight
            square += value * value
        }
        gradient[stride] = sums[stride] * share
        take(
            Evaluation(
                gradient: gradient, objective: loss * share + strength / 2 * size, square: square,
                curvature: curvatureSum * share))
    }

    /// Sets ``inverses`` for a step that begins.
    func setDivisors(_ eigenvalues: [Double]) {
        guard conjugateCount == 0 else { return }
        for (column, value) in eigenvalues.enumerated() {
            inverses[column] = 1 / (curvature * value + strength)
        }
    }

    private func gap(_ state: Evaluation) -> Double { state.square / (2 * strength) }

    private func take(_ reached: Evaluation) {
        switch purpose {
        case .ahead:
            var slope = 0.0
            if let behind {
                for index in 0..<trial.count {
                    slope += reached.gradient[index] * Double(trial[index] - behind[index])
                }
            }
            // Of a convex function a slope that still falls says that all before was higher.
            guard slope > 0, gap(reached) >= 0.1 * reached.objective, let behind else {
                accept(reached)
                return
            }
            firstAhead = reached
            position = trial
            trial = behind
            purpose = .behind
        case .behind:
            if let ahead = firstAhead, ahead.objective <= reached.objective {
                trial = position
                accept(ahead)
            } else {
                accept(reached)
            }
            firstAhead = nil
        case .biases: accept(reached)
        case .search: searched(reached)
        }
    }

    /// Goes on from a place: to the end, or with a step.
    private func accept(_ reached: Evaluation) {
        position = trial
        if let state, state.gradient !== reached.gradient { spare.append(state.gradient) }
        state = reached
        curvature = reached.curvature
        let limit = tolerance * reached.objective
        let isLast =
            stepCount >= NewtonLimits.stepCountMax || stuckCount >= NewtonLimits.stuckCountMax
        let slope = reached.gradient[stride]
        if gap(reached) <= 0.98 * limit || isLast {
            let move = reached.curvature > 0 ? -slope / reached.curvature : 0
            let bound = bound(reached, move)
            if best == nil || bound ?? .infinity < best?.gap ?? .infinity {
                best = (reached.objective, bound, position)
            }
            if let bound, bound <= limit {
                wish = .nothing
                return
            }
            if move != 0, biasStepCount < NewtonLimits.biasStepCountMax {
                biasStepCount += 1
                let moved = FloatBlock(count: position.count)
                moved.copy(from: position)
                moved[stride] = Float(Double(moved[stride]) + move)
                trial = moved
                purpose = .biases
                wish = .gradient
                return
            }
            if isLast {
                wish = .nothing
                return
            }
        }
        biasStepCount = 0
        beginStep(reached, goal: (limit / max(gap(reached), 1e-300)).squareRoot())
    }

    /// ``PathCertificate``'s bound of two outputs; nil where there is none.
    private func bound(_ state: Evaluation, _ move: Double) -> Double? {
        let slope = state.gradient[stride]
        guard state.objective.isFinite else { return nil }
        guard slope != 0 else { return gap(state) }
        guard state.curvature > 0, abs(move) <= 1 else { return nil }
        let size = state.square.squareRoot() + abs(slope) * largestNorm
        return slope * slope / state.curvature + size * size / (2 * strength)
    }

    // MARK: - A step

    private func beginStep(_ state: Evaluation, goal: Double) {
        step.clear()
        rest.clear()
        kernels.add(-1, state.gradient, to: rest)
        let share = NewtonLimits.share(goal: goal)
        allowed = state.square * share * share
        conjugateCount = 0
        wish = .preconditioning
    }

    /// Goes on once ``scaled`` is set.
    func takePreconditioned() {
        let next = kernels.dot(rest, scaled)
        if conjugateCount == 0 {
            search.copy(from: scaled)
        } else {
            let factor = next / slope
            for index in 0..<search.count {
                unsafe search.pointer[index] =
                    scaled.pointer[index] + factor * search.pointer[index]
            }
        }
        slope = next
        wish = .product
    }

    private func takeProduct(_ product: DoubleBlock) {
        let share = 1 / (weightSum * scale)
        for column in 0..<stride {
            unsafe product.pointer[column] =
                product.pointer[column] * share + strength * search.pointer[column]
        }
        product[stride] *= share
        conjugateCount += 1
        let curve = kernels.dot(search, product)
        guard curve > 0, slope > 0 else {
            endStep()
            return
        }
        let length = slope / curve
        kernels.add(length, search, to: step)
        kernels.add(-length, product, to: rest)
        let bias = rest[stride]
        let square = kernels.dot(rest, rest) - bias * bias
        if square <= allowed || conjugateCount == NewtonLimits.conjugateCountMax {
            endStep()
        } else {
            wish = .preconditioning
        }
    }

    private func endStep() {
        guard let state else { return }
        // What is left of the bias's gradient makes the certificate loose, and goes without a pass.
        if state.curvature > 0 { step[stride] += rest[stride] / state.curvature }
        stepCount += 1
        line = Line()
        line.slope = kernels.dot(state.gradient, step)
        line.low = (0, line.slope)
        purpose = .search
        tryLength()
    }

    private func tryLength() {
        let next = FloatBlock(count: position.count)
        for index in 0..<position.count {
            unsafe next.pointer[index] = Float(
                Double(position.pointer[index]) + line.length * step.pointer[index])
        }
        trial = next
        wish = .gradient
    }

    /// Takes a place on the line where the slope is small, or looks for another.
    private func searched(_ reached: Evaluation) {
        guard let state else {
            accept(reached)
            return
        }
        let slope = kernels.dot(reached.gradient, step)
        line.round += 1
        let isNear = gap(reached) < 0.3 * gap(state)
        guard abs(slope) > -0.8 * line.slope, !isNear, line.round < NewtonLimits.lengthCountMax
        else {
            let isStuck =
                !(gap(reached) < 0.7 * gap(state)) && !(reached.objective < 0.9 * state.objective)
            stuckCount = isStuck ? stuckCount + 1 : 0
            accept(reached)
            return
        }
        if slope < 0 {
            line.low = (line.length, slope)
        } else {
            line.high = (line.length, slope)
        }
        spare.append(reached.gradient)
        if let high = line.high {
            let share = -line.low.slope / (high.slope - line.low.slope)
            let inside = share.isNaN ? 0.5 : min(0.9, max(0.1, share))
            line.length = line.low.length + inside * (high.length - line.low.length)
        } else {
            line.length *= 3
        }
        tryLength()
    }

    /// Where it ended, the objective there, and how far it is above the least at most.
    var end: (position: FloatBlock, objective: Double, gap: Double?) {
        guard let best else { return (position, state?.objective ?? .infinity, nil) }
        return (best.position, best.objective, best.gap)
    }
}
