import Heads

extension SchemeDecoder {
    /// Elimination by any policy, with probabilities and what it asked.
    ///
    /// A sequence of eliminations is a nested dichotomy (Fox 1997; Frank and Kramer 2004) that each
    /// row grows for itself: "is it one of the dropped, or one of the others?". So probabilities
    /// follow from the chain rule: a class dropped by the head over S has the probability of S,
    /// which is 1 at the start, times its own in that head; what is left is the probability of the
    /// next set, and what remains at the end shares it by the last head asked. They sum to 1 because
    /// every step divides what there was.
    ///
    /// **The argmax is the survivor.** By induction within each S, backwards: in the last one the
    /// survivor is the head's most probable class. Before, let the classes D be dropped from S and S'
    /// remain. Every class of S' is at least as probable in the head of S as any of D, so S' holds
    /// at least |S'| times the probability of any class of D. Within S' the survivor has the
    /// largest part, hence at least the mean. So it has no less than any class of D. It has as much
    /// only if all of S' and that class are equal, and of equal ones the highest was dropped: the
    /// tie goes to the lowest class, which is the survivor. Rounding cannot break this, since the
    /// survivor's probability is then raised to the next number above (``ClassProbabilities``).
    ///
    /// Logits order classes as softmax does and cannot underflow: a class whose probability would
    /// round to zero is still told from one even less likely, and one dropped is in no later head. Of
    /// classes tied for the lowest the one with the highest index goes. Heads derived from one softmax
    /// layer give back that softmax. Rows are grouped by their remaining classes, and a head is asked
    /// once for its group.
    ///
    /// - Parameter rows: the rows to predict; all when nil. Traps outside what there is.
    /// - Throws: ``DecodingError`` naming a class set that is reached and has no classifier, for more
    ///   than ``eliminationClassCountMax`` classes, or for a policy outside its range.
    package func eliminate(
        rows: Range<Int>? = nil, policy: EliminationPolicy = .lowest(1)
    ) throws(DecodingError) -> EliminationOutcome {
        let rows = rows ?? 0..<rowCount
        precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount)
        try policy.check()
        guard (2...Self.eliminationClassCountMax).contains(members.count) else {
            throw .classCount(members.count, max: Self.eliminationClassCountMax)
        }
        var elimination = PolicyElimination(rows: rows, members: members, policy: policy)
        while !elimination.isFinished { try elimination.step(asking: heads) }
        return elimination.outcome
    }

    /// What tree elimination asks about one row, in the order in which it asks.
    ///
    /// - Throws: ``DecodingError`` as ``eliminate(rows:policy:)``.
    package func eliminationSteps(row: Int) throws(DecodingError) -> [EliminationStep] {
        guard (2...Self.eliminationClassCountMax).contains(members.count) else {
            throw .classCount(members.count, max: Self.eliminationClassCountMax)
        }
        precondition((0..<rowCount).contains(row))
        var elimination = PolicyElimination(
            rows: row..<row + 1, members: members, policy: .lowest(1))
        elimination.steps = []
        while !elimination.isFinished { try elimination.step(asking: heads) }
        return elimination.steps ?? []
    }
}

extension EliminationPolicy {
    fileprivate func check() throws(DecodingError) {
        let isInRange =
            switch self {
            case .lowest(let count): count >= 1
            case .below(let bound), .certain(let bound): (0...1).contains(bound)
            }
        if !isInRange { throw .policy(title) }
    }
}

/// Elimination by a policy in progress: rows with the same classes left are asked together.
private struct PolicyElimination {
    /// The remaining classes of some rows, by position among all, and those rows.
    private struct Group {
        var positions: [Int]
        var rows: [Int32]
    }

    private let rows: Range<Int>
    private let policy: EliminationPolicy
    private var groups: [Group]
    private var probabilities: ClassProbabilities
    /// By row: the probability of the remaining classes together.
    private var remaining: [Double]
    private var headsAsked: [Int]
    private var outputsAsked: [Int]
    private var topNeverChanged: [Bool]
    /// By row: the position of the last head's most probable class; -1 before any.
    private var top: [Int]
    /// What was asked, where that is wanted of one row.
    var steps: [EliminationStep]?

    init(rows: Range<Int>, members: [Int], policy: EliminationPolicy) {
        self.rows = rows
        self.policy = policy
        groups =
            rows.isEmpty
            ? [] : [Group(positions: Array(members.indices), rows: rows.map { Int32($0) })]
        probabilities = ClassProbabilities(members: members, rowCount: rows.count)
        remaining = [Double](repeating: 1, count: rows.count)
        headsAsked = [Int](repeating: 0, count: rows.count)
        outputsAsked = headsAsked
        topNeverChanged = [Bool](repeating: true, count: rows.count)
        top = [Int](repeating: -1, count: rows.count)
    }

    var isFinished: Bool { groups.isEmpty }

    var outcome: EliminationOutcome {
        EliminationOutcome(
            probabilities: probabilities, headsAsked: headsAsked, outputsAsked: outputsAsked,
            topNeverChanged: topNeverChanged)
    }

    /// Asks the head of every group, and groups its rows by what they have left.
    mutating func step(asking heads: any LogitSource) throws(DecodingError) {
        var asked: [Int] = []
        for group in groups {
            asked.append(
                try heads.required(ClassSet(group.positions.map { probabilities.classes[$0] })))
        }
        var next: [Group] = []
        // By the remaining positions as bits: the place in `next`.
        var places: [UInt64: Int] = [:]
        for (group, classifier) in zip(groups, asked) {
            // Few ways to drop lead out of one group, so the last one is usually it again.
            var lastLeft: UInt64 = 0
            var lastPlace = 0
            ask(heads, classifier, group) { row, left in
                if left != lastLeft {
                    lastLeft = left
                    if let place = places[left] {
                        lastPlace = place
                    } else {
                        lastPlace = next.count
                        places[left] = lastPlace
                        let positions = group.positions.filter { left >> UInt64($0) & 1 == 1 }
                        next.append(Group(positions: positions, rows: []))
                    }
                }
                next[lastPlace].rows.append(row)
            }
        }
        groups = next
    }

    /// Settles what a head drops; calls `body` with each row that goes on, and its classes left.
    private mutating func ask(
        _ heads: any LogitSource, _ classifier: Int, _ group: Group,
        _ body: (_ row: Int32, _ left: UInt64) -> Void
    ) {
        var softmax = SoftmaxKernel(classCount: group.positions.count)
        var answer = HeadAnswer(classCount: group.positions.count)
        for start in stride(from: 0, to: group.rows.count, by: LogitBlock.rowCountMax) {
            let block = group.rows[start..<min(start + LogitBlock.rowCountMax, group.rows.count)]
            softmax.read(heads, classifier, rows: block)
            for (index, row) in block.enumerated() {
                answer.read(softmax.logits, softmax.powers, blockRow: index)
                let left = settle(answer, group.positions, Int(row))
                if left != 0 { body(row, left) }
            }
        }
    }

    /// Gives what the policy drops its probability, and everything when that is the end of a row.
    ///
    /// Returns the positions left as bits; 0 at the end.
    private mutating func settle(
        _ answer: HeadAnswer, _ positions: [Int], _ featureRow: Int
    ) -> UInt64 {
        let row = featureRow - rows.lowerBound
        let leader = positions[answer.leader]
        if top[row] >= 0, top[row] != leader { topNeverChanged[row] = false }
        top[row] = leader
        headsAsked[row] += 1
        outputsAsked[row] += positions.count
        let dropCount = answer.dropCount(policy)
        let keeps = dropCount < positions.count - 1 && !answer.isCertain(policy)
        steps?.append(
            answer.step(
                of: positions.map { probabilities.classes[$0] },
                dropCount: keeps ? dropCount : positions.count - 1))
        var dropped = 0.0
        for rank in 0..<(keeps ? dropCount : positions.count) {
            let share = answer.probability(rank: rank)
            probabilities[row, positions[answer.ascending[rank]]] = remaining[row] * share
            dropped += share
        }
        guard keeps else {
            probabilities.settle(row, on: leader)
            return 0
        }
        remaining[row] *= 1 - dropped
        var left: UInt64 = 0
        for rank in dropCount..<positions.count {
            left |= 1 << UInt64(positions[answer.ascending[rank]])
        }
        return left
    }
}

/// What one head says of one row: its classes in the order in which they go.
private struct HeadAnswer {
    /// Positions, the least probable first; of equal ones the highest first.
    private(set) var ascending: [Int]
    private var values: [Float]
    private var powers: [Float]
    private var sum = 0.0

    init(classCount: Int) {
        ascending = Array(0..<classCount)
        values = [Float](repeating: 0, count: classCount)
        powers = values
    }

    /// The position of the most probable class; the lowest of equal ones.
    var leader: Int { ascending[ascending.count - 1] }

    func probability(rank: Int) -> Double { Double(powers[ascending[rank]]) / sum }

    /// The answer as a step of which that many classes are dropped.
    func step(of classes: [Int], dropCount: Int) -> EliminationStep {
        EliminationStep(
            choices: ascending.indices.reversed().map {
                ClassChoice(
                    classIndex: classes[ascending[$0]], probability: probability(rank: $0))
            }, droppedCount: dropCount)
    }

    /// Orders by logits, which tell apart what rounds to the same probability.
    mutating func read(_ logits: [Float], _ powers: [Float], blockRow: Int) {
        sum = 0
        for position in values.indices {
            let index = position * LogitBlock.rowCountMax + blockRow
            let value = logits[index]
            values[position] = value
            self.powers[position] = powers[index]
            sum += Double(powers[index])
            // Insertion keeps earlier positions behind later ones of the same value.
            var place = position
            while place > 0, value <= values[ascending[place - 1]] {
                ascending[place] = ascending[place - 1]
                place -= 1
            }
            ascending[place] = position
        }
    }

    /// How many classes a policy drops, at least one and never the leader.
    func dropCount(_ policy: EliminationPolicy) -> Int {
        let most = ascending.count - 1
        switch policy {
        case .lowest(let count): return min(count, most)
        case .certain: return 1
        case .below(let threshold):
            var count = 1
            while count < most, probability(rank: count) < threshold { count += 1 }
            return count
        }
    }

    /// Whether the policy stops here because the leader's margin is large enough.
    func isCertain(_ policy: EliminationPolicy) -> Bool {
        guard case .certain(let margin) = policy else { return false }
        return probability(rank: ascending.count - 1) - probability(rank: ascending.count - 2)
            >= margin
    }
}
