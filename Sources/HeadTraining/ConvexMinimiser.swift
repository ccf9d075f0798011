/// Minimises a head's objective by L-BFGS (Nocedal 1980; Liu and Nocedal 1989) with a
/// preconditioner, from gradients alone.
///
/// The search along a step asks for gradients only: of a convex function they bracket the minimum,
/// and a step whose slope is small enough has lowered the function (Hager and Zhang 2005, section
/// 4.1, the second of the approximate Wolfe conditions).
struct ConvexMinimiser {
    private static let memoryCount = 10
    /// Vectors `[class, width]` that it holds at most, and its problem beside it.
    static let vectorCountMax = 3 * memoryCount + 12
    /// Iterations after which the preconditioner is replaced by that of the current curvature.
    private static let renewals: Set<Int> = [5, 40]
    private static let searchCountMax = 40
    /// Iterations after which a head that is not at its optimum is given up.
    static let iterationCountMax = 5_000

    private let problem: ConvexProblem
    private var preconditioner: ConvexPreconditioner?
    /// Whether there may be a preconditioner.
    private let isScaled: Bool
    private let gradient: DoubleBlock
    private let trial: DoubleBlock
    private let trialGradient: DoubleBlock
    private let direction: DoubleBlock
    private let rest: DoubleBlock
    /// The preconditioner's product with `gradient`: itself, where rows are too wide to have one.
    private let scaled: DoubleBlock
    private var memory: [StepMemory] = []

    /// Where the head is.
    let weights: DoubleBlock
    /// Steps done.
    private(set) var iterationCount = 0

    init(_ problem: ConvexProblem, start: DoubleBlock? = nil) {
        self.problem = problem
        let count = problem.weightCount
        weights = DoubleBlock(count: count)
        gradient = DoubleBlock(count: count)
        trial = DoubleBlock(count: count)
        trialGradient = DoubleBlock(count: count)
        direction = DoubleBlock(count: count)
        rest = DoubleBlock(count: count)
        isScaled = problem.width <= ConvexPreconditioner.widthMax
        scaled = isScaled ? DoubleBlock(count: count) : gradient
        if let start {
            weights.copy(from: start)
            preconditioner = .current(problem, at: weights)
        } else {
            preconditioner = .initial(problem)
        }
    }

    /// Goes on until no component of the gradient is larger than `tolerance`.
    ///
    /// - Returns: false if it got stuck before, in rounding errors or at `iterationCountMax`.
    mutating func minimise(
        tolerance: Double, precision: ConvexProblem.Precision, iterationCountMax: Int,
        isCancelled: () -> Bool
    ) throws(HeadTrainingError) -> Bool {
        if isCancelled() { throw .cancelled }
        problem.gradient(at: weights, in: precision, into: gradient)
        precondition(gradient, into: scaled)
        while !(gradient.largestMagnitude <= tolerance) {
            guard iterationCount < iterationCountMax else { return false }
            if Self.renewals.contains(iterationCount) {
                renew()
            }
            setDirection()
            var slope = problem.kernels.dot(gradient, direction)
            if !(slope < 0) {
                forget()
                setDirection()
                slope = problem.kernels.dot(gradient, direction)
            }
            guard slope < 0,
                try search(slope: slope, precision: precision, isCancelled: isCancelled)
            else {
                guard !memory.isEmpty else { return false }
                forget()
                continue
            }
            iterationCount += 1
        }
        return true
    }

    private mutating func forget() {
        memory = []
    }

    /// The two-loop recursion, with what the preconditioner makes of gradients instead of its
    /// products with what the first loop leaves: it is linear, so one product an iteration is enough.
    private mutating func setDirection() {
        let kernels = problem.kernels
        direction.clear()
        kernels.add(-1, scaled, to: direction)
        guard let last = memory.last else {
            guard preconditioner == nil else { return }
            multiply(direction, by: 1 / kernels.dot(direction, direction).squareRoot())
            return
        }
        // The first guess of the inverse is as large as makes the last change of the gradient fit.
        let size = 1 / (last.reciprocal * kernels.dot(last.change, last.scaledChange))
        var factors = [Double](repeating: 0, count: memory.count)
        rest.clear()
        kernels.add(-1, gradient, to: rest)
        for index in memory.indices.reversed() {
            let pair = memory[index]
            factors[index] = kernels.dot(pair.step, rest) * pair.reciprocal
            kernels.add(-factors[index], pair.change, to: rest)
            kernels.add(-factors[index], pair.scaledChange, to: direction)
        }
        multiply(direction, by: size)
        for (index, pair) in memory.enumerated() {
            let factor = kernels.dot(pair.change, direction) * pair.reciprocal
            kernels.add(factors[index] - factor, pair.step, to: direction)
        }
    }

    /// Replaces the preconditioner, and its products with gradients.
    private mutating func renew() {
        guard let renewed = ConvexPreconditioner.current(problem, at: weights) else { return }
        preconditioner = renewed
        precondition(gradient, into: scaled)
        for pair in memory { precondition(pair.change, into: pair.scaledChange) }
    }

    private func precondition(_ values: DoubleBlock, into result: DoubleBlock) {
        guard isScaled else { return }
        result.copy(from: values)
        preconditioner?.apply(to: result)
    }

    private func multiply(_ values: DoubleBlock, by factor: Double) {
        for index in 0..<values.count { values[index] *= factor }
    }

    /// Steps along the direction until the slope there is small, and remembers the step.
    private mutating func search(
        slope: Double, precision: ConvexProblem.Precision, isCancelled: () -> Bool
    ) throws(HeadTrainingError) -> Bool {
        let kernels = problem.kernels
        var length = 1.0
        var low = (length: 0.0, slope: slope)
        var high: (length: Double, slope: Double)?
        for _ in 0..<Self.searchCountMax {
            if isCancelled() { throw .cancelled }
            trial.copy(from: weights)
            kernels.add(length, direction, to: trial)
            problem.gradient(at: trial, in: precision, into: trialGradient)
            let reached = kernels.dot(trialGradient, direction)
            if reached > -0.8 * slope || reached.isNaN {
                high = (length, reached)
            } else if reached < 0.9 * slope {
                low = (length, reached)
            } else {
                return remember(length: length)
            }
            guard let high else {
                length *= 4
                continue
            }
            // Where a straight line through both slopes is zero, but well inside.
            let share = -low.slope / (high.slope - low.slope)
            let inside = share.isNaN ? 0.5 : min(0.9, max(0.1, share))
            length = low.length + inside * (high.length - low.length)
        }
        return false
    }

    private mutating func remember(length: Double) -> Bool {
        let kernels = problem.kernels
        let pair =
            memory.count == Self.memoryCount
            ? memory.removeFirst() : StepMemory(count: weights.count, isScaled: isScaled)
        pair.step.clear()
        kernels.add(length, direction, to: pair.step)
        pair.change.copy(from: trialGradient)
        kernels.add(-1, gradient, to: pair.change)
        weights.copy(from: trial)
        gradient.copy(from: trialGradient)
        if isScaled {
            rest.copy(from: scaled)
            precondition(gradient, into: scaled)
            pair.scaledChange.copy(from: scaled)
            kernels.add(-1, rest, to: pair.scaledChange)
        }
        let product = kernels.dot(pair.step, pair.change)
        // Strictly convex: only rounding can make it anything but positive.
        guard product > 0 else {
            forget()
            return true
        }
        pair.reciprocal = 1 / product
        memory.append(pair)
        return true
    }
}

/// A step and the change of the gradient it made.
private final class StepMemory {
    let step: DoubleBlock
    let change: DoubleBlock
    /// The preconditioner's product with `change`: itself, where there is no preconditioner.
    let scaledChange: DoubleBlock
    /// One over the product of step and change.
    var reciprocal = 0.0

    init(count: Int, isScaled: Bool) {
        step = DoubleBlock(count: count)
        change = DoubleBlock(count: count)
        scaledChange = isScaled ? DoubleBlock(count: count) : change
    }
}
