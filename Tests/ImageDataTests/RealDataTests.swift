import Foundation
import ImageData
import Testing

/// `shared/data` beside the package, if this checkout has it.
private let sharedData: String? = {
    // Tests/DatasetsTests/RealDataTests.swift: the package is three up; look beside it, and on.
    var folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    while folder.path != "/" {
        folder.deleteLastPathComponent()
        let candidate = folder.appendingPathComponent("shared/data").path
        if FileManager.default.fileExists(atPath: candidate) { return candidate }
    }
    return nil
}()

private let sharedMNIST = sharedData.map { $0 + "/mnist/train-images-idx3-ubyte.gz" }
private let sharedCIFAR = sharedData.map { $0 + "/cifar-10-binary.tar.xz" }
private let systemFashion = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"

private func isThere(_ path: String?) -> Bool {
    path.map { FileManager.default.fileExists(atPath: $0) } ?? false
}

/// The data sets people publish results on, whole.
///
/// The digests were computed once with `sha256sum` over the same bytes, cut out of the files with
/// `zcat` and `tail`.
@Suite(.serialized) struct RealDataTests {
    @Test(.enabled(if: isThere(systemFashion), "needs: apt install dataset-fashion-mnist"))
    func fashionMNIST() throws {
        let clock = ContinuousClock()
        let start = clock.now
        let dataset = try Dataset.load(DatasetRequest(.fashionMNIST))
        print("Fashion-MNIST loaded in \(clock.now - start)")
        #expect(dataset.folder == "/usr/share/datasets/fashion-mnist")
        #expect(dataset.train.shape == ImageShape(channelCount: 1, height: 28, width: 28))
        #expect(dataset.train.count == 60_000)
        #expect(dataset.test.count == 10_000)
        let each = [Int](repeating: 1, count: 10)
        #expect(dataset.train.classCounts(classCount: 10) == each.map { $0 * 6000 })
        #expect(dataset.test.classCounts(classCount: 10) == each.map { $0 * 1000 })
        #expect(
            dataset.sha256 == "ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f")
        #expect(dataset.byteCount == 70_000 * 785)
    }

    @Test(.enabled(if: isThere(systemFashion), "needs: apt install dataset-fashion-mnist"))
    func fashionMNISTSelected() throws {
        let dataset = try Dataset.load(
            DatasetRequest(
                .fashionMNIST, classes: .listed([0, 1, 2, 3, 4]), every: 10, fraction: 0.01))
        // 3,000 rows of the five classes; of about 600 a class, 1 in 100 is 6 or 7.
        let counts = dataset.train.classCounts(classCount: 5)
        #expect(counts.allSatisfy { (5...7).contains($0) })
        #expect(dataset.test.count == 5000)
        #expect(dataset.classNames == ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"])
    }

    @Test(.enabled(if: isThere(sharedMNIST), "needs shared/data/mnist beside the package"))
    func mnist() throws {
        let folder = try #require(sharedData)
        let whole = try Dataset.load(DatasetRequest(.mnist, dataDirectory: folder))
        #expect(whole.train.count == 60_000)
        #expect(
            whole.train.classCounts(classCount: 10)
                == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
        #expect(
            whole.test.classCounts(classCount: 10)
                == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])
        #expect(whole.sha256 == "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16")
        let part = try Dataset.load(
            DatasetRequest(
                .mnist, dataDirectory: folder, classes: try ClassSelection(parsing: "0-4"),
                every: 10))
        #expect(part.train.count == 3060)
        #expect(part.test.count == 5139)
    }

    @Test(
        .enabled(
            if: isThere(sharedCIFAR) && isThere("/usr/bin/xz"),
            "needs shared/data/cifar-10-binary.tar.xz beside the package, and xz"),
        .timeLimit(.minutes(5)))
    func cifar10() throws {
        let archive = try #require(sharedCIFAR)
        let folder = try TemporaryFolder()
        let tar = Process()
        tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        tar.arguments = ["timeout", "120", "tar", "-C", folder.path, "-xJf", archive]
        try tar.run()
        tar.waitUntilExit()
        try #require(tar.terminationStatus == 0, "tar cannot unpack \(archive)")
        let dataset = try Dataset.load(DatasetRequest(.cifar10, dataDirectory: folder.path))
        let each = [Int](repeating: 1, count: 10)
        #expect(dataset.train.classCounts(classCount: 10) == each.map { $0 * 5000 })
        #expect(dataset.test.classCounts(classCount: 10) == each.map { $0 * 1000 })
        #expect(dataset.classNames == DatasetName.cifar10.classNames)
        #expect(
            dataset.sha256 == "32e5966899bde482c0ef7d076bf69809b4b1488c806f657a814cfca4646ec493")
    }
}
