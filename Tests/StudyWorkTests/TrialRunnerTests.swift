import Decoding
import FeatureStore
import HeadTraining
import ImageData
import LeNet
import Study
import StudyWork
import Testing

/// Trials on small pictures: class `c` is bright in its own corner, with noise.
@Suite struct TrialRunnerTests {
    private static let key = TrialKey(dataset: "mnist", fractionMillionths: 500_000, trial: 2)

    private static let testLabels = (0..<45).map { $0 % 3 }

    private static func images(_ count: Int, shift: Int) -> LabeledImages {
        let labels = (0..<count).map { $0 % 3 }
        var pixels: [UInt8] = []
        for (row, label) in labels.enumerated() {
            for place in 0..<64 {
                let isInCorner = place % 8 / 4 == label % 2 && place / 32 == label / 2
                let noise = (row * 131 + place * 71 + shift) % 97
                pixels.append(UInt8(isInCorner ? 150 + noise : noise))
            }
        }
        return LabeledImages(
            shape: ImageShape(channelCount: 1, height: 8, width: 8), pixels: pixels, labels: labels)
    }

    private func runner(
        epochCount: Int = 6, variant: KernelVariant? = nil, imbalance: Double = 1,
        balance: StudySettings.Balance = .none
    ) throws -> TrialRunner {
        var settings = StudySettings(scope: .full)
        settings.imbalance = imbalance
        settings.balance = balance
        settings.epochCount = epochCount
        settings.headEpochCount = 4
        settings.batchSize = 16
        let dataset = Dataset(
            name: "mnist", folder: "", classNames: ["a", "b", "c"],
            train: Self.images(120, shift: 0), test: Self.images(45, shift: 5))
        return TrialRunner(
            settings: settings, datasets: [dataset],
            variant: try variant ?? KernelVariant.select(nil))
    }

    private func trial(
        _ runner: TrialRunner, _ arms: [StudyArm], isControlled: Bool = false,
        of key: TrialKey = key
    ) throws -> TrialOutcome {
        let outcome = try runner.run(.trial(key, arms: arms, isControlled: isControlled))
        guard case .trial(let trial) = outcome else { throw TrialError("it was no trial") }
        return trial
    }

    private func network(
        _ runner: TrialRunner, _ arm: StudyArm, _ classes: [Int]
    ) throws -> NetworkOutcome {
        let outcome = try runner.run(.network(Self.key, arm: arm, classes: classes))
        guard case .network(let network) = outcome else { throw TrialError("it was no network") }
        return network
    }

    @Test func aTrialIsAFunctionOfItsKey() throws {
        let all = try trial(try runner(), [.frozen, .zero, .derived], isControlled: true)
        #expect(all.trainRowCount == 60)
        #expect(all.backbone.map(\.scheme) == [.oneVsAll, .oneVsAllEqualSteps])
        #expect(all.arms.map(\.arm) == [.frozen, .zero, .derived])
        #expect(all.arms.allSatisfy { $0.headCount == 4 && $0.policies.count == 9 })
        // Corners are easily told apart.
        #expect(all.backbone[1].correctCount > 40)
        // The arms beside it, an earlier trial and the instruction set change nothing.
        let again = try runner(variant: KernelVariant.supported[0])
        _ = try again.run(
            .trial(
                TrialKey(dataset: "mnist", fractionMillionths: 500_000, trial: 7), arms: [.frozen],
                isControlled: false))
        let alone = try trial(again, [.derived])
        #expect(alone.arms == [all.arms[2]])
        #expect(alone.backbone == [all.backbone[0]])
        #expect(alone.featureDigest == all.featureDigest)
    }

    /// Every arm and scheme sees the weights, and none of them where the classes are equal.
    @Test func weightsReachEveryArm() throws {
        let arms = [StudyArm.frozen, .derived, .converged]
        let plain = try runner(imbalance: 5)
        let weighted = try runner(imbalance: 5, balance: .weights)
        let without = try trial(plain, arms, isControlled: true)
        let with = try trial(weighted, arms, isControlled: true)
        #expect(with.trainRowCount == without.trainRowCount)
        #expect(with.featureDigest != without.featureDigest)
        for (one, other) in zip(
            with.backbone + with.arms.flatMap(\.schemes),
            without.backbone + without.arms.flatMap(\.schemes))
        where one.scheme != .hardVote {
            #expect(one.negativeLogLikelihood != other.negativeLogLikelihood, "\(one.scheme)")
        }
        #expect(with.arms[2].certifiedCount == 4)
        for arm in [StudyArm.warm, .scratch] {
            #expect(
                try network(weighted, arm, [0, 2]).weightDigest
                    != network(plain, arm, [0, 2]).weightDigest)
        }
        let slow = try runner(
            variant: KernelVariant.supported[0], imbalance: 5, balance: .weights)
        #expect(try trial(slow, arms, isControlled: true) == with)

        let equal = try runner()
        let unmoved = try runner(balance: .weights)
        #expect(
            try trial(unmoved, [.frozen, .derived], isControlled: true)
                == trial(equal, [.frozen, .derived], isControlled: true))
        #expect(
            try network(unmoved, .warm, [0, 2]) == network(equal, .warm, [0, 2]))
    }

    @Test func derivedHeadsStartAsOneVsAll() throws {
        // Of a backbone that was never trained; heads that learn nothing stay what they were.
        var settings = StudySettings(scope: .full)
        settings.learningRate = .leastNormalMagnitude
        settings.headDropout = 0
        settings.epochCount = 1
        settings.headEpochCount = 1
        let dataset = Dataset(
            name: "mnist", folder: "", classNames: ["a", "b", "c"],
            train: Self.images(30, shift: 0), test: Self.images(45, shift: 5))
        let runner = TrialRunner(
            settings: settings, datasets: [dataset], variant: try KernelVariant.select(nil))
        let outcome = try trial(runner, [.derived])
        let expected = outcome.backbone[0].predictions
        for scheme in outcome.arms[0].schemes {
            #expect(scheme.predictions == expected, "\(scheme.scheme)")
        }
    }

    @Test func networksAreFunctionsOfKeyArmAndClasses() throws {
        let runner = try runner()
        let pair = try network(runner, .scratch, [0, 2])
        #expect(pair.trainRowCount == 40)
        #expect(pair.logits.count == 45 * 2)
        #expect(try network(try self.runner(), .scratch, [0, 2]) == pair)
        let warm = try network(runner, .warm, [0, 2])
        #expect(warm.weightDigest != pair.weightDigest)
        // The backbone it starts from is kept, or trained again by another worker.
        #expect(try network(runner, .warm, [0, 2]) == warm)
        #expect(try network(try self.runner(), .warm, [0, 2]) == warm)
        #expect(try network(runner, .scratch, [0, 1]).weightDigest != pair.weightDigest)
    }

    /// Ten classes that look alike: bits are compared, not what is learned.
    private static let tenClasses = LabeledImages(
        shape: ImageShape(channelCount: 1, height: 8, width: 8),
        pixels: images(120, shift: 0).pixels, labels: (0..<120).map { $0 % 10 })

    /// A study on some of the ten classes as a worker gets it, each named by its number.
    private func runner(onClasses classes: [Int]) throws -> TrialRunner {
        var settings = StudySettings(scope: .full)
        settings.headEpochCount = 2
        settings.batchSize = 16
        let dataset = Dataset(
            name: "mnist", folder: "", classNames: classes.map(String.init),
            classKeys: classes.map { UInt64($0) }, train: Self.tenClasses.keepingClasses(classes),
            test: Self.images(45, shift: 5))
        return try StudyMaterials.runner(
            StudyMaterials.materials(settings: settings, datasets: [dataset]),
            variant: KernelVariant.select(nil))
    }

    /// Whole networks depend on their classes' keys, not on where those stand in a run.
    @Test(arguments: [[0, 3], [1, 3], [0, 1, 3]])
    func networksAreTheSameInRunsOnFewerClasses(_ classes: [Int]) throws {
        // Half of the rows, which are drawn by key as well.
        let key = Self.key
        /// The digest, and the logits of all rows by class.
        func bits(_ run: [Int]) throws -> (digest: String, logits: [Int: [UInt32]]) {
            let indices = classes.compactMap { run.firstIndex(of: $0) }.sorted()
            let unit = StudyUnit.network(key, arm: .scratch, classes: indices)
            guard case .network(let network) = try runner(onClasses: run).run(unit) else {
                throw TrialError("it was no network")
            }
            var logits: [Int: [UInt32]] = [:]
            for (position, value) in network.logits.enumerated() {
                let named = run[indices[position % indices.count]]
                logits[named, default: []].append(value.bitPattern)
            }
            return (network.weightDigest, logits)
        }
        let whole = try bits(Array(0..<10))
        #expect(whole.logits.keys.sorted() == classes)
        for run in [[0, 1, 3], [3, 1, 0], [5, 3, 9, 0, 1]] {
            let found = try bits(run)
            #expect(found.digest == whole.digest, "\(run)")
            #expect(found.logits == whole.logits, "\(run)")
        }
    }

    @Test func headsOfATrialAreDrawnByKey() throws {
        func trial(_ keys: [UInt64]?) throws -> TrialOutcome {
            var settings = StudySettings(scope: .full)
            settings.epochCount = 1
            settings.headEpochCount = 1
            settings.batchSize = 16
            let dataset = Dataset(
                name: "mnist", folder: "", classNames: ["a", "b", "c"], classKeys: keys,
                train: Self.images(30, shift: 0), test: Self.images(45, shift: 5))
            return try self.trial(
                StudyMaterials.runner(
                    StudyMaterials.materials(settings: settings, datasets: [dataset]),
                    variant: KernelVariant.select(nil)), [.frozen],
                // Rows are drawn by class key as well: here all are kept.
                of: TrialKey(dataset: "mnist", fractionMillionths: 1_000_000, trial: 2))
        }
        let plain = try trial(nil)
        #expect(try trial([0, 1, 2]) == plain)
        for keys in [[0, 1, 3], [7, .max, 1 << 40]] as [[UInt64]] {
            let other = try trial(keys)
            #expect(other.backbone == plain.backbone)
            #expect(other.arms[0].headDigest != plain.arms[0].headDigest)
        }
    }

    @Test func cancelledWorkEnds() throws {
        let runner = try runner(epochCount: 1_000_000)
        var count = 0
        #expect(throws: CancellationError.self) {
            _ = try runner.run(.trial(Self.key, arms: [.frozen], isControlled: true)) {
                count += 1
                return count > 5
            }
        }
        #expect(count < 10)
    }

    @Test(arguments: [
        StudyUnit.network(Self.key, arm: .scratch, classes: [1]),
        .network(Self.key, arm: .scratch, classes: [0, 3]),
        .network(Self.key, arm: .scratch, classes: [0, -1]),
        .network(Self.key, arm: .frozen, classes: [0, 1]),
        .trial(Self.key, arms: [.scratch], isControlled: false),
        .trial(
            TrialKey(dataset: "nowhere", fractionMillionths: 1, trial: 0), arms: [],
            isControlled: false),
    ])
    func refusesUnitsThatAreNone(_ unit: StudyUnit) throws {
        let runner = try runner()
        #expect(throws: TrialError.self) { try runner.run(unit) }
    }

    /// What a worker may make up: each is refused before anything is computed from it.
    @Test func outcomesThatCannotBeAreRefused() throws {
        let unit = StudyUnit.trial(Self.key, arms: [.zero], isControlled: true)
        guard case .trial(let good) = try runner(epochCount: 1).run(unit) else { return }
        func fits(_ change: (inout TrialOutcome) -> Void) -> Bool {
            var changed = good
            change(&changed)
            return UnitRecord(unit: unit, outcome: .trial(changed)).fits(
                labels: Self.testLabels, classCount: 3)
        }
        #expect(fits { _ in })
        #expect(!fits { $0.backbone[0].correctCount += 1 })
        #expect(!fits { $0.backbone[1].calibration.removeLast() })
        #expect(!fits { $0.backbone[1].calibration[3].count -= 1 })
        #expect(!fits { $0.backbone[0].brierScore = .nan })
        #expect(!fits { $0.backbone.removeLast() })
        #expect(!fits { $0.backbone.append($0.backbone[0]) })
        #expect(!fits { $0.arms[0].schemes.swapAt(0, 1) })
        #expect(!fits { $0.arms[0].policies.removeFirst() })
        #expect(!fits { $0.arms[0].policies[0].flopsPerRow = .infinity })
        #expect(!fits { $0.arms[0].arm = .derived })
        #expect(!fits { $0.arms = [] })
        #expect(!fits { $0.trainRowCount = -1 })
    }

    @Test func recordsComeBackWhole() throws {
        let runner = try runner(epochCount: 1)
        for unit in [
            StudyUnit.trial(Self.key, arms: [.frozen], isControlled: true),
            .network(Self.key, arm: .scratch, classes: [0, 1]),
        ] {
            let record = UnitRecord(unit: unit, outcome: try runner.run(unit))
            let bytes = try record.encoded()
            let back = try UnitRecord(decoding: bytes)
            #expect(back == record)
            #expect(back.fits(labels: Self.testLabels, classCount: 3))
            #expect(!back.fits(labels: Self.testLabels.dropLast(), classCount: 3))
            for length in [0, 7, 8, 9, bytes.count - 1] {
                #expect(throws: TrialError.self, "\(length) bytes") {
                    let part = try UnitRecord(decoding: Array(bytes[..<length]))
                    // A number less is whole in itself, and does not fit.
                    if !part.fits(labels: Self.testLabels, classCount: 3) {
                        throw TrialError("short")
                    }
                }
            }
            var long = bytes
            long[7] = 0xFF
            #expect(throws: TrialError.self) { try UnitRecord(decoding: long) }
        }
    }
}

/// What workers get of a study.
@Suite struct StudyMaterialsTests {
    private let settings = StudySettings(scope: .post)
    private let dataset = Dataset(
        name: "cifar10", folder: "", classNames: ["a", "b"],
        train: LabeledImages(
            shape: ImageShape(channelCount: 3, height: 6, width: 7),
            pixels: (0..<5 * 126).map { UInt8($0 % 251) }, labels: [0, 1, 1, 0, 1]),
        test: LabeledImages(
            shape: ImageShape(channelCount: 3, height: 6, width: 7),
            pixels: (0..<2 * 126).map { UInt8($0 % 241) }, labels: [1, 0]))

    @Test func imagesTravelAsBytes() throws {
        let materials = try StudyMaterials.materials(settings: settings, datasets: [dataset])
        let size = materials.items.reduce(0) { $0 + $1.bytes.count }
        #expect(size < 7 * 127 + 1_000)
        let runner = try StudyMaterials.runner(materials, variant: try KernelVariant.select(nil))
        #expect(runner.settings == settings)
        let key = TrialKey(dataset: "cifar10", fractionMillionths: 1_000_000, trial: 0)
        let unit = StudyUnit.network(key, arm: .scratch, classes: [0, 1])
        #expect(try StudyMaterials.unit(StudyMaterials.description(of: unit)) == unit)
        let here = TrialRunner(
            settings: settings, datasets: [dataset], variant: try KernelVariant.select(nil))
        #expect(try runner.run(unit) == here.run(unit))
    }

    /// Warm networks start from the backbone that comes with the images, where one does.
    @Test func aBackboneTravelsToo() throws {
        var configuration = BackboneConfiguration(
            channelCount: 3, height: 6, width: 7, classCount: 2, seed: 5, threadCount: 1)
        let weights = try BackboneWeights.glorotUniform(configuration)
        configuration.seed = 6
        let others = try BackboneWeights.glorotUniform(configuration)
        let variant = try KernelVariant.select(nil)
        func network(_ weights: BackboneWeights?) throws -> UnitOutcome {
            let materials = try StudyMaterials.materials(
                settings: settings, datasets: [dataset],
                backbones: weights.map { ["cifar10": $0] } ?? [:])
            let key = TrialKey(dataset: "cifar10", fractionMillionths: 1_000_000, trial: 0)
            return try StudyMaterials.runner(materials, variant: variant).run(
                .network(key, arm: .warm, classes: [0, 1]))
        }
        let given = try network(weights)
        #expect(try network(weights) == given)
        #expect(try network(others) != given)
        #expect(try network(nil) != given)
        let items = try StudyMaterials.materials(
            settings: settings, datasets: [dataset], backbones: ["cifar10": weights]
        ).items
        let index = try #require(items.firstIndex { $0.name == "cifar10/backbone" })
        let notANumber: [UInt8] = [0, 0, 0xC0, 0x7F]
        for bytes in [
            Array(items[index].bytes.dropLast()), Array(items[index].bytes.dropLast(4)),
            items[index].bytes.dropLast(4) + notANumber,
        ] {
            var bad = items
            bad[index] = Materials.Item(name: "cifar10/backbone", bytes: bytes)
            #expect(throws: TrialError.self) {
                try StudyMaterials.runner(Materials(bad), variant: variant)
            }
        }
    }

    /// Labels travel as a byte each: class 256 must not arrive as class 0.
    @Test func refusesLabelsThatDoNotFitAByte() throws {
        let images = LabeledImages(
            shape: ImageShape(channelCount: 1, height: 6, width: 6),
            pixels: [UInt8](repeating: 0, count: 72), labels: [1, 256])
        let wide = Dataset(
            name: "mnist", folder: "", classNames: ["a", "b"], train: images, test: images)
        let error = #expect(throws: TrialError.self) {
            try StudyMaterials.materials(settings: settings, datasets: [wide])
        }
        #expect(error?.description.contains("does not fit one byte") == true)
    }

    @Test func refusesMaterialsThatAreNoStudys() throws {
        let good = try StudyMaterials.materials(settings: settings, datasets: [dataset]).items
        let variant = try KernelVariant.select(nil)
        for index in good.indices {
            var missing = good
            missing.remove(at: index)
            if good[index].name != "cifar10/header.json" {
                #expect(throws: TrialError.self, "without \(good[index].name)") {
                    try StudyMaterials.runner(Materials(missing), variant: variant)
                }
            }
            var cut = good
            cut[index] = Materials.Item(
                name: good[index].name, bytes: Array(good[index].bytes.dropLast()))
            #expect(throws: TrialError.self, "\(good[index].name) cut") {
                try StudyMaterials.runner(Materials(cut), variant: variant)
            }
        }
        var labels = good
        labels[3] = Materials.Item(name: good[3].name, bytes: [0, 1, 2, 0, 1])
        #expect(throws: TrialError.self) {
            try StudyMaterials.runner(Materials(labels), variant: variant)
        }
        let header = try #require(good.firstIndex { $0.name == "cifar10/header.json" })
        let text = String(decoding: good[header].bytes, as: UTF8.self)
        for keys in ["[0,1]", "[0]", "[1,1]", "[0,1,2]", "[0,-1]"] {
            var bad = good
            let bytes = Array(text.replacing("[0,1]", with: keys).utf8)
            bad[header] = Materials.Item(name: good[header].name, bytes: bytes)
            let runner = { try StudyMaterials.runner(Materials(bad), variant: variant) }
            if keys == "[0,1]" {
                _ = try runner()
            } else {
                #expect(throws: TrialError.self, "\(keys)") { try runner() }
            }
        }
        #expect(throws: TrialError.self) { try StudyMaterials.unit(Array("{}".utf8)) }
    }
}
