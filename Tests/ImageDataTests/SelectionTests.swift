import ImageData
import Numerics
import Testing

/// What `load` keeps, against a second implementation that is as dumb as can be.
@Suite struct SelectionTests {
    /// Labels in no order, some classes rarer than others, all ten there.
    static let labels: [UInt8] =
        Array(0..<10) + (0..<190).map { UInt8(($0 * $0 + $0 / 7) % 10) }
    static let testLabels: [UInt8] = (0..<30).map { UInt8($0 * 3 % 10) }

    /// Rows of ``labels`` that must be kept, and their new labels, straight from the rule.
    func expected(
        classes: [Int], every: Int, numerator: Int, denominator: Int, seed: UInt64
    ) -> (rows: [Int], labels: [Int]) {
        var rows: [Int] = []
        for row in Self.labels.indices where classes.contains(Int(Self.labels[row])) {
            rows.append(row)
        }
        var thinned: [Int] = []
        for position in rows.indices where position % every == 0 { thinned.append(rows[position]) }
        var kept: [Int] = []
        for old in classes {
            let ofClass = thinned.filter { Int(Self.labels[$0]) == old }
            // The rank of each row by its key, counted one by one.
            let keys = ofClass.indices.map {
                Philox.key(seed: seed, purpose: .subsample, UInt32($0), UInt32(old), 0)
            }
            let count = (ofClass.count * numerator + denominator - 1) / denominator
            for (index, row) in ofClass.enumerated()
            where keys.filter({ $0 < keys[index] }).count < count || numerator == denominator {
                kept.append(row)
            }
        }
        kept.sort()
        return (kept, kept.map { row in classes.firstIndex(of: Int(Self.labels[row])) ?? -1 })
    }

    struct Case: Sendable {
        var classes: String
        var every = 1
        var numerator = 100
        var seed: UInt64 = 0
    }

    @Test(arguments: [
        Case(classes: "all"), Case(classes: "0-4"), Case(classes: "7,0,3"),
        Case(classes: "all", every: 3), Case(classes: "9,1-4", every: 2),
        Case(classes: "all", numerator: 50), Case(classes: "all", numerator: 7, seed: 5),
        Case(classes: "8,2,5", numerator: 25, seed: .max),
        Case(classes: "0-4", every: 2, numerator: 29),
        Case(classes: "3,1", every: 4, numerator: 1), Case(classes: "0-9", every: 1, numerator: 99),
    ])
    func keepsWhatTheRuleSays(_ one: Case) throws {
        let folder = try TemporaryFolder()
        let small = SmallMNIST(train: Self.labels, test: Self.testLabels)
        try small.write(to: folder)
        let selection = try ClassSelection(parsing: one.classes)
        let dataset = try Dataset.load(
            DatasetRequest(
                .mnist, dataDirectory: folder.path, classes: selection, every: one.every,
                fraction: Double(one.numerator) / 100, seed: one.seed))
        let classes = try selection.indices(classCount: 10)
        let (rows, labels) = expected(
            classes: classes, every: one.every, numerator: one.numerator, denominator: 100,
            seed: one.seed)
        #expect(dataset.train.labels == labels)
        let pixels = SmallMNIST.pixels(rowCount: Self.labels.count, from: 0)
        #expect(dataset.train.pixels == rows.flatMap { pixels[$0 * 6..<$0 * 6 + 6] })
        #expect(dataset.classNames == classes.map(String.init))
        // The test set loses classes and nothing else.
        let testRows = Self.testLabels.indices.filter { classes.contains(Int(Self.testLabels[$0])) }
        let testPixels = SmallMNIST.pixels(rowCount: Self.testLabels.count, from: 100)
        #expect(dataset.test.pixels == testRows.flatMap { testPixels[$0 * 6..<$0 * 6 + 6] })
        #expect(
            dataset.test.labels == testRows.map { classes.firstIndex(of: Int(Self.testLabels[$0])) }
        )
    }

    /// 0.07 * 100, 0.29 * 100 and their like are a hair above a whole number in binary.
    @Test func fractionsAreCountedAsWritten() throws {
        for percent in 1...100 {
            let folder = try TemporaryFolder()
            let labels = [UInt8](repeating: 0, count: 100) + [UInt8](repeating: 1, count: 101)
            try SmallMNIST(train: labels, test: [0, 1]).write(to: folder)
            let dataset = try Dataset.load(
                DatasetRequest(
                    .mnist, dataDirectory: folder.path, classes: .listed([0, 1]),
                    fraction: Double(percent) / 100))
            let counts = dataset.train.classCounts(classCount: 2)
            #expect(counts == [percent, (101 * percent + 99) / 100])
        }
    }

    @Test func smallerFractionsAreNestedAndSeedsDiffer() throws {
        let folder = try TemporaryFolder()
        try SmallMNIST(train: Self.labels, test: Self.testLabels).write(to: folder)
        func images(_ fraction: Double, seed: UInt64) throws -> [ArraySlice<UInt8>] {
            let request = DatasetRequest(
                .mnist, dataDirectory: folder.path, classes: .listed([0, 1]), fraction: fraction,
                seed: seed)
            let train = try Dataset.load(request).train
            return (0..<train.count).map { train.pixels[$0 * 6..<$0 * 6 + 6] }
        }
        let half = try images(0.5, seed: 1)
        let tenth = try images(0.1, seed: 1)
        #expect(tenth.allSatisfy(half.contains))
        #expect(try images(0.5, seed: 1) == half)
        #expect(try images(0.5, seed: 2) != half)
        #expect(try images(.leastNonzeroMagnitude, seed: 1).count == 2)
    }

    @Test(arguments: [0, -1, Int.min])
    func refusesEvery(_ every: Int) {
        let error = failure(DatasetRequest(.mnist, dataDirectory: "/", every: every))
        #expect(error?.code == .invalidRequest)
        #expect(error?.message.contains("--every") == true)
    }

    @Test(arguments: [0, -0.5, 1.000001, .infinity, .nan])
    func refusesFraction(_ fraction: Double) {
        let error = failure(DatasetRequest(.mnist, dataDirectory: "/", fraction: fraction))
        #expect(error?.code == .invalidRequest)
        #expect(error?.message.contains("--fraction") == true)
    }

    @Test func refusesAClassWithoutRowsByItsName() throws {
        let folder = try TemporaryFolder()
        try SmallMNIST(train: [0, 1, 0, 1, 1]).write(to: folder, prefix: "fashion-mnist/")
        var request = DatasetRequest(.fashionMNIST, dataDirectory: folder.path)
        var error = failure(request)
        #expect(error?.code == .emptyClass)
        #expect(
            error?.message.hasPrefix(
                "no training row is left of class 2 (Pullover), 3 (Dress), 4 (Coat), ") == true)
        request.classes = .listed([0, 1])
        #expect(try Dataset.load(request).train.count == 5)
        request.every = 2
        #expect(try Dataset.load(request).train.labels == [0, 0, 1])
        request.every = 3
        #expect(try Dataset.load(request).train.labels == [0, 1])
        request.every = 5
        error = failure(request)
        #expect(error?.message.contains("class 1 (Trouser)") == true)
        try SmallMNIST(train: [0, 1], test: [1]).write(to: folder, prefix: "fashion-mnist/")
        request.classes = .listed([0, 1, 2])
        request.every = 1
        // All at once, of both parts.
        #expect(
            failure(request)?.message.hasPrefix(
                "no training row is left of class 2 (Pullover), and no test row is left of class 0 (T-shirt/top), 2 (Pullover); "
            ) == true)
        request.classes = .listed([0, 1])
        try SmallMNIST(test: [0]).write(to: folder, prefix: "fashion-mnist/")
        request.every = 1
        error = failure(request)
        #expect(error?.message.contains("no test row is left of class 1 (Trouser)") == true)
    }
}

/// What `--holdout` takes out of the training rows.
@Suite struct HoldoutTests {
    /// Classes of 1, 2, 7, 40 and 0 rows, mixed.
    private static let counts = [1, 2, 7, 40, 0]
    private static let labels = (0..<40).flatMap { row in
        counts.indices.filter { row < counts[$0] }
    }
    private static let keys: [UInt64] = [9, 1 << 63 | 5, 4, 0, 7]

    private func split(
        _ share: Double, seed: UInt64 = 3, keeping classes: [Int] = [0, 1, 2, 3, 4]
    ) -> (train: Selection, held: Selection) {
        var train = Selection(
            keeping: classes, of: Self.labels, classKeys: classes.map { Self.keys[$0] })
        let held = train.holdOut(share, seed: seed)
        return (train, held)
    }

    @Test(arguments: [
        (0.1, [0, 1, 1, 4, 0]), (0.25, [0, 1, 2, 10, 0]), (0.29, [0, 1, 3, 12, 0]),
        (0.999, [0, 1, 6, 39, 0]), (1e-9, [0, 1, 1, 1, 0]),
    ])
    func everyClassKeepsARow(share: Double, held: [Int]) {
        let (train, other) = split(share)
        #expect(other.classCounts == held)
        #expect(zip(train.classCounts, held).map { $0 + $1 } == Self.counts)
        // Each row is in one of them, in its order, with its class.
        #expect((train.rows + other.rows).sorted() == Array(Self.labels.indices))
        for part in [train, other] {
            #expect(part.rows == part.rows.sorted())
            #expect(part.labels == part.rows.map { Self.labels[$0] })
        }
    }

    /// The rule itself: the rows of a class with the smallest keys.
    @Test func theSeedDrawsThem() {
        let (_, held) = split(0.25, seed: 8)
        for (label, key) in Self.keys.enumerated() {
            let rows = Self.labels.indices.filter { Self.labels[$0] == label }
            let keys = rows.indices.map {
                Philox.key(seed: 8, purpose: .holdout, row: $0, ofClass: key, 0)
            }
            let count = held.classCounts[label]
            let expected = rows.indices.filter { row in keys.count { $0 < keys[row] } < count }
            #expect(held.rows.filter { Self.labels[$0] == label } == expected.map { rows[$0] })
        }
        #expect(split(0.25, seed: 9).held.rows != held.rows)
    }

    @Test func moreHoldsOutWhatLessDoesAndClassesAreAlone() {
        let little = Set(split(0.1).held.rows)
        #expect(little.isSubset(of: split(0.4).held.rows))
        let some = split(0.4, keeping: [3, 2])
        #expect(some.held.rows == split(0.4).held.rows.filter { Self.labels[$0] >= 2 })
        #expect(some.held.labels == some.held.rows.map { 3 - Self.labels[$0] })
    }
}
