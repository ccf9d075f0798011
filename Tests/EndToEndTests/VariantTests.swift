import Formats
import Foundation
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// The options that change what is trained, each to its end.
    @Suite(.timeLimit(.minutes(4))) struct VariantTests {
        @Test func pairsAloneServeNoTree() async throws {
            let folder = try TemporaryDirectory()
            let reference = try await Lab.reference
            var job = reference.job
            job.heads = "pairs"
            let path = folder.path("run")
            let results = try await job.results(in: path, ["--workers", "1"])
            #expect(results.heads.trained == 15)
            #expect(results.schemes.tree == nil)
            #expect(results.schemes.oneVsAllRefit == nil)
            // The same heads as among all subsets, so the same votes.
            #expect(results.schemes.allVsAll == reference.results.schemes.allVsAll)
            let pairs = try Safetensors(
                contentsOf: RunDirectory.path(of: .model, in: path))
            let subsets = try Safetensors(
                contentsOf: RunDirectory.path(of: .model, in: reference.path))
            #expect(pairs["heads.k2.weight"] == subsets["heads.k2.weight"])
            #expect(pairs["heads.k3.weight"] == nil)
            let csv = String(
                decoding: try bytes(of: RunDirectory.path(of: .predictions, in: path)),
                as: UTF8.self)
            let isEmptyWhereUntrained = csv.split(separator: "\n").dropFirst().allSatisfy {
                let fields = $0.split(separator: ",", omittingEmptySubsequences: false)
                return fields.count > 6 && fields[3].isEmpty && fields[5].isEmpty
            }
            #expect(isEmptyWhereUntrained)
        }

        @Test(arguments: ["zero", "derived"]) func otherInitialisations(
            initialisation: String
        ) async throws {
            let folder = try TemporaryDirectory()
            let reference = try await Lab.reference
            var job = reference.job
            job.initialisation = initialisation
            let one = try await job.results(in: folder.path("one"), ["--workers", "1"])
            let two = try await job.results(in: folder.path("two"), ["--workers", "2"])
            #expect(one.digests == two.digests)
            #expect(one.digests.heads != reference.results.digests.heads)
            #expect(one.digests.features == reference.results.digests.features)
            #expect((one.schemes.tree?.accuracy ?? 0) > 0.4)
        }

        @Test func twoClassesAreOneHead() async throws {
            let folder = try TemporaryDirectory()
            var job = try Job()
            job.classes = "3,7"
            let results = try await job.fresh(in: folder.path("run"))
            #expect(results.heads.trained == 1)
            #expect(results.data.classNames == ["3", "7"])
            #expect(results.data.trainRows == 400)
            let schemes = results.schemes
            #expect(schemes.tree?.correct == schemes.allVsAll?.correct)
            #expect(schemes.tree?.correct == schemes.oneVsAllRefit?.correct)
            #expect(schemes.tree?.headsPerPrediction == 1)
        }

        @Test func rowsAreKeptByEveryAndFraction() async throws {
            let folder = try TemporaryDirectory()
            var job = try Job()
            job.classes = "0,3,7"
            job.every = 2
            job.fraction = 0.33
            let results = try await job.fresh(in: folder.path("run"))
            #expect(results.data.classNames == ["0", "3", "7"])
            #expect(results.heads.trained == 4)
            // 600 rows of the three classes, every other: 100 a class, of each ceil(33).
            #expect(results.data.trainRows == 99)
            #expect(results.data.testRows == 150)
        }

        @Test(
            .enabled(if: Fashion.isThere, "needs: apt install dataset-fashion-mnist"),
            .timeLimit(.minutes(5)))
        func fashionMNIST() async throws {
            let folder = try TemporaryDirectory()
            var job = try Job()
            job.dataset = "fashion-mnist"
            job.dataDirectory = nil
            job.classes = "0,1"
            job.every = 50
            let results = try await job.fresh(in: folder.path("run"))
            #expect(results.data.classNames == ["T-shirt/top", "Trouser"])
            #expect(results.data.testRows == 2_000)
            #expect(results.data.trainRows == 240)
            // Chance is 0.5, and a shirt and trousers are told apart by anything that learns.
            #expect((results.schemes.oneVsAll.accuracy ?? 0) > 0.6)
            #expect((results.schemes.tree?.accuracy ?? 0) > 0.7)
        }

        @Test(
            .enabled(if: sharedDataDirectory != nil, "needs MNIST and CIFAR-10 in shared/data"),
            .timeLimit(.minutes(5)), arguments: ["mnist", "cifar10"])
        func sharedData(dataset: String) async throws {
            let folder = try TemporaryDirectory()
            let shared = try #require(sharedDataDirectory)
            let unpacked = try await run(
                URL(filePath: shared + "/unpack"), [folder.path("data")], within: .seconds(120))
            try #require(unpacked.status == 0, "\(unpacked.standardError)")
            var job = try Job()
            job.dataset = dataset
            job.dataDirectory = folder.path("data")
            job.classes = "0,1"
            job.every = 50
            let results = try await job.fresh(in: folder.path("run"))
            #expect(results.data.classNames.count == 2)
            #expect((1_900...2_200).contains(results.data.testRows))
            #expect((results.schemes.tree?.accuracy ?? 0) > (dataset == "mnist" ? 0.7 : 0.45))
            let channelCount = dataset == "mnist" ? 1 : 3
            let model = try Safetensors(
                contentsOf: RunDirectory.path(of: .model, in: folder.path("run")))
            #expect(model["backbone.conv1.weight"]?.shape == [32, channelCount, 3, 3])
        }
    }
}

/// Fashion-MNIST as Debian packages it.
enum Fashion {
    static let isThere = FileManager.default.fileExists(
        atPath: "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")
}

extension Job {
    /// Runs the whole job, backbone included, with one local worker.
    func fresh(in runDirectory: String) async throws -> RunResults {
        let run = try await TestSupport.run(
            Lab.coordinator, arguments(in: runDirectory) + ["--workers", "1"],
            within: .seconds(100))
        try #require(run.status == 0, "\(run.standardError)")
        return try RunDirectory.readResults(in: runDirectory)
    }
}
