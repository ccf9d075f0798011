package import Heads

/// Probabilities and predictions of schemes for many rows at once.
///
/// Rows are asked in blocks, so that memory is bounded, and a block's pair logits are computed once for
/// all schemes over pairs. A row's prediction depends on that row alone, so a caller can split rows over
/// threads. The argmax of a scheme's probabilities is what it predicts; ties go to the lowest class
/// index. A logit that is not a number counts as minus infinity.
///
/// - One-vs-all and its controls: the softmax of one head over all classes, the highest logit wins.
/// - All-vs-all by soft vote: softmax outputs are added as multiples of 2^-48 in integers. That is exact,
///   so a sum depends neither on the order of the heads nor on the names of the classes, and equal
///   logits give equal votes.
/// - The shortlist: ``ShortlistDecoder``.
/// - One-vs-rest: sigmoids of one score a class, made to sum to 1; the highest score wins.
/// - The DAG decides by K-1 pairs per row, but all are asked: rows in blocks cost less than rows alone.
/// - Tree elimination: ``eliminate(rows:policy:)`` with one class dropped per step.
package struct SchemeDecoder: Sendable {
    /// The most classes whose votes are sure not to overflow: each is asked `2^48` at most.
    package static let votingClassCountMax = 1 << 14
    /// The most classes whose remaining sets are counted by elimination.
    package static let eliminationClassCountMax = 64
    /// Rows that elimination groups by their remaining classes: the more, the larger the groups.
    private static let eliminationRowCount = 1 << 13

    /// What is decoded, none twice.
    package let schemes: [Scheme]
    /// Rows there are answers for.
    package let rowCount: Int
    let members: [Int]
    let heads: any LogitSource
    let output: any LogitSource
    /// By scheme that asks one classifier over all classes: its number.
    let whole: [Scheme: Int]
    /// The classifiers of all pairs, as ``PairDecoder`` lists them; empty where no scheme asks them.
    let pairs: [Int]
    /// By class: the classifier of the class against the rest; empty where no scheme asks them.
    let rests: [Int]

    /// The schemes over some classes.
    ///
    /// - Parameters:
    ///   - heads: what schemes ask.
    ///   - output: over all classes, the backbone's own outputs; nil where there is no backbone, and the
    ///     head over all classes takes its place. Answers for the same rows.
    /// - Throws: ``DecodingError`` naming a class set that has to have a classifier and has none, or for
    ///   fewer than two classes or more than a scheme can count. Elimination is refused later, where a
    ///   row reaches a set without a classifier.
    package init(
        _ schemes: [Scheme], classes: ClassSet, heads: any LogitSource,
        output: (any LogitSource)? = nil
    ) throws(DecodingError) {
        precondition(output.map { $0.rowCount == heads.rowCount } ?? true)
        let members = classes.members
        var whole: [Scheme: Int] = [:]
        var (pairs, rests): ([Int], [Int]) = ([], [])
        for scheme in schemes {
            let classCountMax =
                switch scheme.asks {
                case .output, .allClasses, .rest: Int.max
                case .pairs, .outputAndPairs: Self.votingClassCountMax
                case .subsets: Self.eliminationClassCountMax
                }
            guard members.count >= 2, members.count <= classCountMax else {
                throw .classCount(members.count, max: classCountMax)
            }
            switch scheme.asks {
            case .output: whole[scheme] = try (output ?? heads).required(classes)
            case .allClasses: whole[scheme] = try heads.required(classes)
            case .outputAndPairs: whole[scheme] = try (output ?? heads).required(classes)
            case .rest:
                rests = try members.map { (own) throws(DecodingError) in
                    try heads.required(.rest(own, of: classes))
                }
            case .pairs, .subsets: break
            }
        }
        if schemes.contains(where: { [.pairs, .outputAndPairs].contains($0.asks) }) {
            pairs = try Self.pairs(of: members, heads)
        }
        self.schemes = schemes
        self.members = members
        self.heads = heads
        self.output = output ?? heads
        self.whole = whole
        self.pairs = pairs
        self.rests = rests
        rowCount = heads.rowCount
    }

    /// The same schemes for other rows: sources of the same classifiers, by the same numbers.
    ///
    /// Nothing is looked up again, which would take longer than to predict a row.
    package func asking(
        _ heads: any LogitSource, output: (any LogitSource)? = nil
    ) -> SchemeDecoder {
        precondition(output.map { $0.rowCount == heads.rowCount } ?? true)
        return SchemeDecoder(self, heads: heads, output: output ?? heads)
    }

    private init(_ other: SchemeDecoder, heads: any LogitSource, output: any LogitSource) {
        schemes = other.schemes
        members = other.members
        whole = other.whole
        pairs = other.pairs
        rests = other.rests
        self.heads = heads
        self.output = output
        rowCount = heads.rowCount
    }

    /// The schemes that classifiers allow, in the order of `Scheme.allCases`; never the equal-step
    /// control, whose backbone is another one, nor a shortlist of all classes, which is their coupling.
    ///
    /// Without a backbone there is no refit: one-vs-all is the head over all classes. One-vs-rest of two
    /// classes is their pair, and is there for whoever asks for it by name alone.
    ///
    /// - Parameters:
    ///   - hasOutput: whether there is a backbone.
    ///   - asked: what is asked for by name; nil for nothing.
    package static func available(
        classes: ClassSet, heads: any LogitSource, hasOutput: Bool, asked: Scheme? = nil
    ) -> [Scheme] {
        let members = classes.members
        guard members.count >= 2 else { return [] }
        let hasAll = heads.classifier(over: classes) != nil
        // One that nobody could train may be missing, and nothing stands in for it without a backbone.
        let hasPairs = members.indices.allSatisfy { second in
            (0..<second).allSatisfy {
                heads.classifier(over: ClassSet([members[$0], members[second]])) != nil
            }
        }
        let hasRests = members.allSatisfy {
            heads.classifier(of: .rest($0, of: classes)) != nil
        }
        let hasSubsets = canEliminate(over: classes) { heads.classifier(over: $0) != nil }
        return Scheme.allCases.filter { scheme in
            switch scheme {
            case .oneVsAll: hasOutput || hasAll
            case .oneVsAllEqualSteps: false
            case .oneVsAllRefit: hasOutput && hasAll
            case .softVote, .hardVote, .pairwiseCoupling, .eliminationGraph:
                hasPairs && members.count <= votingClassCountMax
            case .treeElimination: hasSubsets
            case .shortlist:
                hasPairs && (hasOutput || hasAll) && members.count > Scheme.shortlistClassCount
                    && members.count <= votingClassCountMax
            case .oneVsRest: hasRests && (members.count > 2 || asked == scheme)
            }
        }
    }

    /// Whether there are heads for elimination over subsets, rather than over pairs alone.
    ///
    /// - Parameter hasHead: whether there is a head over these classes.
    package static func canEliminate(over classes: ClassSet, _ hasHead: (ClassSet) -> Bool) -> Bool
    {
        let members = classes.members
        guard (2...eliminationClassCountMax).contains(members.count), hasHead(classes) else {
            return false
        }
        // A head over all classes may stand beside pairs alone; with all subsets there is a next one.
        return members.indices.allSatisfy {
            members.count == 2 || hasHead(classes.removing(members[$0]))
        }
    }

    /// Calls `body` with every scheme's probabilities of one block of rows after the other, a scheme's
    /// blocks in the order of the rows.
    ///
    /// - Parameter rows: the rows to predict; traps outside what there is.
    /// - Throws: ``DecodingError`` naming a class set that elimination reaches and has no classifier, and
    ///   what `body` throws.
    package func forEachBlock(
        of rows: Range<Int>,
        _ body: (Scheme, Range<Int>, ClassProbabilities) throws(DecodingError) -> Void
    ) throws(DecodingError) {
        var room = room()
        try forEachBlock(of: rows, in: &room, body)
    }

    /// The same in room that calls share.
    package func forEachBlock(
        of rows: Range<Int>, in room: inout Room,
        _ body: (Scheme, Range<Int>, ClassProbabilities) throws(DecodingError) -> Void
    ) throws(DecodingError) {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount)
        try Self.forEachBlock(
            of: rows, by: room.pairs?.blockRowCount ?? LogitBlock.rowCountMax
        ) { block throws(DecodingError) in
            let range = Int(block[0])..<Int(block[0]) + block.count
            for scheme in schemes {
                guard read(block[...], of: scheme, into: &room.softmax) else { continue }
                let found =
                    scheme == .shortlist
                    ? room.shortlist?.probabilities(room.softmax, block[...], heads)
                    : room.softmax.probabilities(members, rowCount: block.count)
                guard let found else { continue }
                try body(scheme, range, found)
            }
            room.pairs?.read(block[...], heads)
            for scheme in schemes where scheme.asks == .pairs {
                guard
                    let found = room.pairs?.probabilities(of: scheme, rowCount: block.count)
                else { continue }
                try body(scheme, range, found)
            }
        }
        guard schemes.contains(.treeElimination) else { return }
        for start in stride(
            from: rows.lowerBound, to: rows.upperBound, by: Self.eliminationRowCount)
        {
            let range = start..<min(start + Self.eliminationRowCount, rows.upperBound)
            try body(.treeElimination, range, eliminate(rows: range).probabilities)
        }
    }

    /// Asks what gives a scheme one number a class; false for a scheme that decides otherwise, or is not
    /// decoded here.
    func read(
        _ rows: ArraySlice<Int32>, of scheme: Scheme, into softmax: inout SoftmaxKernel
    ) -> Bool {
        if scheme == .oneVsRest, !rests.isEmpty {
            softmax.read(heads, rests: rests[...], rows: rows)
        } else if let classifier = whole[scheme] {
            softmax.read(scheme.asks == .allClasses ? heads : output, classifier, rows: rows)
        } else {
            return false
        }
        return true
    }

    /// All schemes' probabilities at once, in the order of ``schemes``: rows times classes of each.
    ///
    /// - Parameter rows: the rows to predict; all when nil. Traps outside what there is.
    /// - Throws: ``DecodingError`` as ``forEachBlock(of:_:)``.
    package func probabilities(
        rows: Range<Int>? = nil
    ) throws(DecodingError) -> [ClassProbabilities] {
        let rows = rows ?? 0..<rowCount
        var values: [Scheme: [Double]] = [:]
        try forEachBlock(of: rows) { values[$0, default: []] += $2.values }
        return schemes.map { scheme in
            ClassProbabilities(
                members: members, rowCount: rows.count, values: values[scheme] ?? [])
        }
    }
}

extension SchemeDecoder {
    /// Room for the numbers of a block of rows.
    package struct Room: Sendable {
        fileprivate var pairs: PairDecoder?
        fileprivate var shortlist: ShortlistDecoder?
        fileprivate var softmax: SoftmaxKernel
    }

    /// Room for this decoder, and for those that ask other rows.
    package func room() -> Room {
        let pairSchemes = schemes.filter { $0.asks == .pairs }
        return Room(
            pairs: pairSchemes.isEmpty
                ? nil : PairDecoder(pairSchemes, members: members, classifiers: pairs),
            shortlist: schemes.contains(.shortlist)
                ? ShortlistDecoder(
                    members: members, pairs: pairs, count: Scheme.shortlistClassCount) : nil,
            softmax: SoftmaxKernel(classCount: members.count))
    }

    /// Calls `body` with the rows in blocks of at most that many, none empty.
    static func forEachBlock<Failure: Error>(
        of rows: Range<Int>, by rowCountMax: Int = LogitBlock.rowCountMax,
        _ body: (_ block: [Int32]) throws(Failure) -> Void
    ) throws(Failure) {
        for start in stride(from: rows.lowerBound, to: rows.upperBound, by: rowCountMax) {
            let end = min(start + rowCountMax, rows.upperBound)
            try body((Int32(start)..<Int32(end)).map { $0 })
        }
    }

    private static func pairs(
        of members: [Int], _ heads: any LogitSource
    ) throws(DecodingError) -> [Int] {
        var pairs: [Int] = []
        pairs.reserveCapacity(members.count * (members.count - 1) / 2)
        for second in 1..<members.count {
            for first in 0..<second {
                pairs.append(try heads.required(ClassSet([members[first], members[second]])))
            }
        }
        return pairs
    }
}
