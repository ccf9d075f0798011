import FeatureSource
import Formats
import Foundation
import ImageData
import Numerics
import TestSupport
import Testing

/// Real features and images, where they are.
@Suite(.timeLimit(.minutes(5))) struct RealDataTests {
    /// The folder with data sets, by the environment.
    private static var directory: String? {
        ProcessInfo.processInfo.environment["MANYHEADS_SHARED_DATA"]
    }

    private static func has(_ name: String) -> Bool {
        directory.map { FileSystem.exists("\($0)/\(name)") } ?? false
    }

    @Test(.enabled(if: has("clinc150-minilm"), "needs clinc150-minilm in MANYHEADS_SHARED_DATA"))
    func clinc150() throws {
        let folder = try #require(Self.directory) + "/clinc150-minilm"
        let data = try UserData.load(
            UserDataRequest(
                train: "\(folder)/train-features.npy", trainLabels: "\(folder)/train-labels.npy",
                test: "\(folder)/test-features.npy", testLabels: "\(folder)/test-labels.npy"))
        guard case .features(let train, nil, let test?) = data.rows else {
            Issue.record("these are features")
            return
        }
        #expect(train.columnCount == 384 && test.columnCount == 384)
        #expect(data.classNames.count == 150)
        #expect(train.rowCount == data.trainLabels.count)
        #expect(Set(data.trainLabels) == Set(0..<150))
        print("clinc150: \(train.rowCount) and \(test.rowCount) rows, \(data.classNames[0])")
    }

    @Test(.enabled(if: has("omniglot-242.npz"), "needs omniglot-242.npz in MANYHEADS_SHARED_DATA"))
    func omniglot() throws {
        let path = try #require(Self.directory) + "/omniglot-242.npz"
        let data = try UserData.load(UserDataRequest(train: path))
        guard case .images(let train, _, let test?) = data.rows else {
            Issue.record("these are images")
            return
        }
        #expect(train.shape == ImageShape(channelCount: 1, height: 28, width: 28))
        #expect(data.classNames.count == 242)
        #expect(train.count == 3_630)
        print("omniglot: \(train.count) and \(test.count) rows, \(data.classNames[0])")
    }
}
