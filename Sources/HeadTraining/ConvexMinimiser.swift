/// Minimises a head's objective by L-BFGS (Nocedal 1980; Liu and Nocedal 1989) with a
/// preconditioner, from gradients alone.
///
/// The search along a step asks for gradients only: of a convex function they bracket the minimum,
/// and a step whose slope is small enough has lowered the function (Hager and Zhang 2005, section
/// 4.1, the second of the approximate Wolfe conditions).
struct ConvexMinimiser {
    private static let memoryCount = 10
    /// Iterations after which the preconditioner is made anew.
    private static let renewals: Set<Int> = [5, 40]
    private static let searchCountMax = 40
    /// Where a head that is not at its optimum is given up.
    static let iterationCountMax = 5_000

    private let problem: ConvexProblem
    private var preconditioner: ConvexPreconditioner?
    private let gradient: DoubleBlock
    private let trial: DoubleBlock
    private let trialGradient: DoubleBlock
    private let direction: DoubleBlock
    private var steps: [DoubleBlock] = []
    private var changes: [DoubleBlock] = []
    private var reciprocals: [Double] = []

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
        tolerance: Double, iterationCountMax: Int, isCancelled: () -> Bool
    ) throws(HeadTrainingError) -> Bool {
        if isCancelled() { throw .cancelled }
        problem.gradient(at: weights, into: gradient)
        while !(gradient.largestMagnitude <= tolerance) {
            guard iterationCount < iterationCountMax else { return false }
            if Self.renewals.contains(iterationCount) {
                preconditioner = .current(problem, at: weights) ?? preconditioner
            }
            setDirection()
            var slope = problem.kernels.dot(gradient, direction)
            if !(slope < 0) {
                forget()
                setDirection()
                slope = problem.kernels.dot(gradient, direction)
            }
            guard slope < 0, try search(slope: slope, isCancelled: isCancelled) else {
                guard !steps.isEmpty else { return false }
                forget()
                continue
            }
            iterationCount += 1
        }
        return true
    }

    private mutating func forget() {
        steps = []
        changes = []
        reciprocals = []
    }

    /// The two-loop recursion.
    private func setDirection() {
        let kernels = problem.kernels
        direction.clear()
        kernels.add(-1, gradient, to: direction)
        var factors = [Double](repeating: 0, count: steps.count)
        for index in steps.indices.reversed() {
            factors[index] = kernels.dot(steps[index], direction) * reciprocals[index]
            kernels.add(-factors[index], changes[index], to: direction)
        }
        scale()
        for index in steps.indices {
            let factor = kernels.dot(changes[index], direction) * reciprocals[index]
            kernels.add(factors[index] - factor, steps[index], to: direction)
        }
    }

    /// The first guess of the inverse, so large that the last change of the gradient fits.
    private func scale() {
        let kernels = problem.kernels
        guard let last = changes.last, let reciprocal = reciprocals.last else {
            guard preconditioner == nil else {
                preconditioner?.apply(to: direction)
                return
            }
            multiply(direction, by: 1 / kernels.dot(direction, direction).squareRoot())
            return
        }
        var size = kernels.dot(last, last)
        if let preconditioner {
            // `trial` is free between searches.
            trial.copy(from: last)
            preconditioner.apply(to: trial)
            size = kernels.dot(last, trial)
            preconditioner.apply(to: direction)
        }
        multiply(direction, by: 1 / (reciprocal * size))
    }

    private func multiply(_ values: DoubleBlock, by factor: Double) {
        for index in 0..<values.count { values[index] *= factor }
    }

    /// Steps along the direction until the slope there is small, and remembers the step.
    private mutating func search(
        slope: Double, isCancelled: () -> Bool
    ) throws(HeadTrainingError) -> Bool {
        let kernels = problem.kernels
        var length = 1.0
        var low = (length: 0.0, slope: slope)
        var high: (length: Double, slope: Double)?
        for _ in 0..<Self.searchCountMax {
            if isCancelled() { throw .cancelled }
            trial.copy(from: weights)
            kernels.add(length, direction, to: trial)
            problem.gradient(at: trial, into: trialGradient)
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
        let isFull = steps.count == Self.memoryCount
        let step = isFull ? steps.removeFirst() : DoubleBlock(count: weights.count)
        let change = isFull ? changes.removeFirst() : DoubleBlock(count: weights.count)
        if isFull { reciprocals.removeFirst() }
        step.clear()
        kernels.add(length, direction, to: step)
        change.copy(from: trialGradient)
        kernels.add(-1, gradient, to: change)
        weights.copy(from: trial)
        gradient.copy(from: trialGradient)
        let product = kernels.dot(step, change)
        // Strictly convex: only rounding can make it anything but positive.
        guard product > 0 else {
            forget()
            return true
        }
        steps.append(step)
        changes.append(change)
        reciprocals.append(1 / product)
        return true
    }
}
