import Numerics

/// What bounds Newton's method, of one head and of heads side by side.
enum NewtonLimits {
    static let stepCountMax = 60
    static let conjugateCountMax = 300
    static let lengthCountMax = 20
    static let stuckCountMax = 4
    /// Times that the biases alone are moved between two steps.
    static let biasStepCountMax = 2

    /// The share of the gradient that a step may leave.
    ///
    /// - Parameter goal: what the tolerance asks for.
    static func share(goal: Double) -> Double { min(0.3, max(0.05, 0.5 * goal)) }
}

/// Newton's method with directions by conjugate gradients, from gradients alone.
///
/// Places are of single precision, as heads are: what a pass over the rows says, it says of the head itself.
struct PathSolver {
    private let problem: PathProblem
    private let tolerance: Double
    /// Where the head is.
    private(set) var position: FloatBlock
    /// Steps, and products with second derivatives, so far.
    private(set) var stepCount = 0
    private(set) var productCount = 0
    private var preconditioner: PathPreconditioner?

    init(_ problem: PathProblem, tolerance: Double, at position: FloatBlock) {
        self.problem = problem
        self.tolerance = tolerance
        self.position = position
    }

    /// Where it ends: the objective there, and how far it is above the least at most; nil if nothing is known.
    struct End {
        let objective: Double
        let gap: Double?
    }

    mutating func minimise(
        from first: PathProblem.Evaluation, isCancelled: () -> Bool
    ) throws(HeadTrainingError) -> End {
        var state = first
        var best = End(objective: state.objective, gap: nil)
        var bestPosition = position
        var (stuckCount, biasStepCount) = (0, 0)
        while true {
            if isCancelled() { throw .cancelled }
            let limit = tolerance * state.objective
            let isLast =
                stepCount >= NewtonLimits.stepCountMax || stuckCount >= NewtonLimits.stuckCountMax
            if state.gap(l2: problem.l2) <= 0.98 * limit || isLast {
                if !state.hasAllPairs {
                    state = problem.evaluate(at: position, hasAllPairs: true)
                }
                let certificate = PathCertificate(problem, state)
                if let gap = certificate.gap, gap < best.gap ?? .infinity {
                    best = End(objective: state.objective, gap: gap)
                    bestPosition = position
                }
                if let gap = certificate.gap, gap <= limit { break }
                if let step = certificate.biasStep, biasStepCount < NewtonLimits.biasStepCountMax {
                    biasStepCount += 1
                    moveBiases(by: step)
                    state = problem.evaluate(at: position, hasAllPairs: true)
                    continue
                }
                if isLast {
                    if best.gap == nil {
                        best = End(objective: state.objective, gap: nil)
                        bestPosition = position
                    }
                    break
                }
            }
            biasStepCount = 0
            let goal = (limit / max(state.gap(l2: problem.l2), 1e-300)).squareRoot()
            let direction = direction(state, goal: goal)
            stepCount += 1
            let next = try search(state, direction, isCancelled)
            if !(next.gap(l2: problem.l2) <= 0.7 * state.gap(l2: problem.l2))
                && !(next.objective < 0.9 * state.objective)
            {
                stuckCount += 1
                preconditioner = nil
                if !problem.isRefined, next.gap(l2: problem.l2) < 0.01 * next.objective,
                    stuckCount >= 2
                {
                    problem.isRefined = true
                    stuckCount = 0
                    state = problem.evaluate(at: position, hasAllPairs: false)
                    continue
                }
            } else {
                stuckCount = 0
            }
            state = next
        }
        position = bestPosition
        return best
    }

    private mutating func moveBiases(by step: [Double]) {
        let moved = FloatBlock(count: position.count)
        moved.copy(from: position)
        for (output, value) in step.enumerated() {
            let index = output * problem.width + problem.stride
            moved[index] = Float(Double(moved[index]) + value)
        }
        position = moved
    }

    /// About the step to the minimum.
    ///
    /// - Parameter goal: what share of the gradient may be left.
    private mutating func direction(
        _ state: PathProblem.Evaluation, goal: Double
    ) -> DoubleBlock {
        let kernels = problem.kernels
        let curvature = PathCurvature(problem, state)
        let preconditioner = self.preconditioner ?? PathPreconditioner(problem, state)
        self.preconditioner = preconditioner
        let count = state.gradient.count
        let step = DoubleBlock(count: count)
        let rest = DoubleBlock(count: count)
        let scaled = DoubleBlock(count: count)
        let search = DoubleBlock(count: count)
        let product = DoubleBlock(count: count)
        kernels.add(-1, state.gradient, to: rest)
        preconditioner.apply(rest, into: scaled)
        search.copy(from: scaled)
        var slope = kernels.dot(rest, scaled)
        let share = NewtonLimits.share(goal: goal)
        let end = state.square * share * share
        for _ in 0..<NewtonLimits.conjugateCountMax {
            productCount += 1
            curvature.multiply(search, into: product)
            let curve = kernels.dot(search, product)
            guard curve > 0, slope > 0 else { break }
            let length = slope / curve
            kernels.add(length, search, to: step)
            kernels.add(-length, product, to: rest)
            if square(rest) <= end { break }
            preconditioner.apply(rest, into: scaled)
            let next = kernels.dot(rest, scaled)
            let factor = next / slope
            for index in 0..<count {
                unsafe search.pointer[index] =
                    scaled.pointer[index] + factor * search.pointer[index]
            }
            slope = next
        }
        // What is left of the biases' gradient makes the certificate loose, and goes without a pass.
        if let biases = PathBiases(problem, state) {
            let more = biases.solve(problem.biases(of: rest))
            for (output, value) in more.enumerated() {
                step[output * problem.width + problem.stride] += value
            }
        }
        return step
    }

    /// The squared size of a gradient but for the biases.
    private func square(_ gradient: DoubleBlock) -> Double {
        problem.biases(of: gradient).reduce(problem.kernels.dot(gradient, gradient)) {
            $0 - $1 * $1
        }
    }

    /// Steps along the direction until the slope there is small.
    private mutating func search(
        _ state: PathProblem.Evaluation, _ direction: DoubleBlock, _ isCancelled: () -> Bool
    ) throws(HeadTrainingError) -> PathProblem.Evaluation {
        let kernels = problem.kernels
        let slope = kernels.dot(state.gradient, direction)
        var length = 1.0
        var low = (length: 0.0, slope: slope)
        var high: (length: Double, slope: Double)?
        let near = 100 * tolerance * state.objective
        for round in 0..<NewtonLimits.lengthCountMax {
            if isCancelled() { throw .cancelled }
            let trial = FloatBlock(count: position.count)
            for index in 0..<position.count {
                unsafe trial.pointer[index] = Float(
                    Double(position.pointer[index]) + length * direction.pointer[index])
            }
            let next = problem.evaluate(
                at: trial, hasAllPairs: state.gap(l2: problem.l2) < near)
            let reached = kernels.dot(next.gradient, direction)
            let isSmall = abs(reached) <= -0.8 * slope
            if isSmall || round == NewtonLimits.lengthCountMax - 1
                || next.gap(l2: problem.l2) < 0.3 * state.gap(l2: problem.l2)
            {
                position = trial
                return next
            }
            if reached < 0 { low = (length, reached) } else { high = (length, reached) }
            guard let high else {
                length *= 3
                continue
            }
            let share = -low.slope / (high.slope - low.slope)
            let inside = share.isNaN ? 0.5 : min(0.9, max(0.1, share))
            length = low.length + inside * (high.length - low.length)
        }
        return state
    }
}
