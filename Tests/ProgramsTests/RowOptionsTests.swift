import FeatureSource
import ImageData
import Numerics
import Programs
import System
import Testing

/// Options of rows that cannot be together.
@Suite struct RowOptionsTests {
    private static let files = UserDataRequest(train: "x.npy")

    private func refusal(_ change: (inout RunOptions) -> Void) -> String {
        var options = RunOptions(threads: 1)
        change(&options)
        let error = #expect(throws: RunError.self) { try options.check() }
        #expect(error?.code == .usage)
        return error?.message ?? ""
    }

    @Test func whatCannotRunIsNamed() throws {
        for share in [0, 1, -0.5, .nan, .infinity] {
            #expect(refusal { $0.holdout = share }.contains("--holdout must be a share"))
        }
        #expect(
            refusal {
                $0.userData = UserDataRequest(train: "x.npy", val: "v.npy")
                $0.holdout = 0.1
            }.contains("--val has some already"))
        #expect(refusal { $0.normalization = .l2 }.contains("--normalize is of features"))
        for mode in [HeadMode.warm, .scratch] {
            let message = refusal {
                $0.headMode = mode
                $0.holdout = 0.1
            }
            #expect(message.contains("--holdout is of frozen heads"))
            #expect(
                refusal {
                    $0.headMode = mode
                    $0.classWeight = .balanced
                }.contains("--class-weight is of frozen heads"))
        }
        #expect(
            refusal {
                $0.userData = UserDataRequest(train: "x.npy", sampleWeights: "w.npy")
                $0.givenHeadEpochs = .count(3)
            }.contains("use --head-epochs converge"))
        #expect(
            refusal { $0.userData = UserDataRequest(train: "x.svm", svmlightBase: 2) }
                .contains("--svmlight-base must be 0 or 1"))
    }

    @Test func whatCanRunDoes() throws {
        var options = RunOptions(threads: 1)
        options.holdout = 0.2
        options.classWeight = .balanced
        try options.check()
        options.userData = UserDataRequest(
            train: "x.svm", sampleWeights: "w.npy", svmlightBase: 1)
        options.normalization = .standardize
        options.classes = .named(["a", "b"])
        (options.every, options.fraction) = (2, 0.5)
        try options.check()
    }
}
