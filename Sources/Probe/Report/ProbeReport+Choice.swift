/// What the best penalty is known by.
package enum ProbeCriterion: String, Codable, Sendable, CaseIterable {
    /// The share of held-out rows that are right.
    case accuracy
    /// The mean negative logarithm of the probability of held-out rows' classes.
    case nll

    /// Whether the first scores are better than the second; equal ones are not.
    package func prefers(_ first: ProbeReport.Scores, to second: ProbeReport.Scores) -> Bool {
        switch self {
        case .accuracy: first.accuracy > second.accuracy
        case .nll: first.nll < second.nll
        }
    }

    /// The position of the best scores, of equals the first; nil where there are none at all.
    package func best(of all: [ProbeReport.Scores?]) -> Int? {
        var best: (position: Int, scores: ProbeReport.Scores)?
        for (position, scores) in all.enumerated() {
            guard let scores, best.map({ prefers(scores, to: $0.scores) }) ?? true else { continue }
            best = (position, scores)
        }
        return best?.position
    }
}

extension ProbeReport {
    /// An end of a sweep.
    package enum Edge: Sendable {
        /// The smallest value of C tried: the strongest penalty.
        case smallest
        /// The largest value of C tried: the weakest penalty.
        case largest
    }

    /// The value of C that held-out rows chose for a scheme.
    package struct Choice: Codable, Sendable, Equatable {
        /// How many heads got a value of C.
        package struct HeadCount: Codable, Sendable, Equatable {
            /// The value.
            package var c: Double
            /// How many heads.
            package var heads: Int

            /// So many heads.
            package init(c: Double, heads: Int) {
                self.c = c
                self.heads = heads
            }
        }

        /// The value, one for all heads; nil, and null in files, where each head has its own.
        package let c: Double?
        /// What it was chosen by.
        package let criterion: ProbeCriterion
        /// Whether it is an end of the sweep, and a better one may lie beyond; of heads that have their
        /// own, whether it is for most of them.
        package let isAtEdge: Bool
        /// By value of C, ascending, how many heads chose it; nil where there is one for all.
        package let perHead: [HeadCount]?
        /// How the chosen heads predict held-out rows.
        package let heldOut: Scores?

        private enum CodingKeys: String, CodingKey {
            case c
            case criterion = "by"
            case isAtEdge = "at_edge"
            case perHead = "per_head"
            case heldOut = "held_out"
        }

        /// The best value of a path, of equally good ones the smallest; nil if no point has scores.
        package init?(from path: [Point], by criterion: ProbeCriterion) {
            let points = path.sorted { $0.c < $1.c }
            guard let best = criterion.best(of: points.map(\.scores)) else { return nil }
            let c = points[best].c
            self.init(
                c: c, by: criterion, isAtEdge: path.edge(at: c) != nil,
                heldOut: points[best].scores)
        }

        /// One value for all heads.
        package init(c: Double, by criterion: ProbeCriterion, isAtEdge: Bool, heldOut: Scores?) {
            self.c = c
            self.criterion = criterion
            self.isAtEdge = isAtEdge
            perHead = nil
            self.heldOut = heldOut
        }

        /// A value for each head.
        ///
        /// - Parameters:
        ///   - values: by head, one of the path's values of C.
        ///   - heldOut: how these heads together predict held-out rows.
        package init(
            perHead values: [Double], by criterion: ProbeCriterion, path: [Point],
            heldOut: Scores?
        ) {
            c = nil
            self.criterion = criterion
            var counts: [HeadCount] = []
            for value in values.sorted() {
                if counts.last?.c != value { counts.append(HeadCount(c: value, heads: 0)) }
                counts[counts.count - 1].heads += 1
            }
            perHead = counts
            isAtEdge = counts.contains {
                $0.heads * 2 > values.count && path.edge(at: $0.c) != nil
            }
            self.heldOut = heldOut
        }

        /// How many heads have this value of C, of so many that a point has.
        package func headCount(at c: Double, of all: Int) -> Int {
            guard let perHead else { return self.c == c ? all : 0 }
            return perHead.first { $0.c == c }?.heads ?? 0
        }

        /// Writes ``c`` as null where it is nil.
        package func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(c, forKey: .c)
            try values.encode(criterion, forKey: .criterion)
            try values.encode(isAtEdge, forKey: .isAtEdge)
            try values.encodeIfPresent(perHead, forKey: .perHead)
            try values.encodeIfPresent(heldOut, forKey: .heldOut)
        }
    }

    /// The heads that the model gets: those of the choice, trained once more on all rows but the test
    /// rows.
    package struct Refit: Codable, Sendable, Equatable {
        /// Training and validation rows together.
        package var rows: Int
        /// Heads trained.
        package var heads: Int
        /// Those of them that are certified to be at their optimum.
        package var certified: Int
        /// See ``Point/gapMax``.
        package var gapMax: Double?
        /// SHA-256 of the heads, hexadecimal.
        package var digest: String

        private enum CodingKeys: String, CodingKey {
            case rows, heads, certified, digest
            case gapMax = "gap_max"
        }

        /// Heads of these figures; a gap that is not finite is none.
        package init(rows: Int, heads: Int, certified: Int, gapMax: Double?, digest: String) {
            self.rows = rows
            self.heads = heads
            self.certified = certified
            self.gapMax = gapMax.flatMap { $0.isFinite ? $0 : nil }
            self.digest = digest
        }
    }
}

extension [ProbeReport.Point] {
    /// The end of the sweep that a value of C is; nil between them and where only one was tried.
    ///
    /// Where a path was ended early, its last value is no end: what lies beyond is known to be worse.
    package func edge(at c: Double) -> ProbeReport.Edge? {
        let tried = filter { !$0.isSkipped }.map(\.c)
        guard tried.count > 1 else { return nil }
        if c == tried.min() { return .smallest }
        return c == tried.max() && tried.count == count ? .largest : nil
    }
}
