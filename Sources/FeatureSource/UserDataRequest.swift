package import Numerics

/// Which files hold a user's own data, and what they are.
///
/// A file is an `.npy` array, an `.npz` archive, `.safetensors`, svmlight, CSV, IDX or CIFAR's binary
/// records; `FILE:NAME` is one array of an archive, or the column of labels of a CSV file; files with
/// commas between them are one table. Labels may also be a text file of one label a line. An archive
/// without a name is searched for arrays by the names in use: `x_train` and `y_train`, `train_images`
/// and `train_labels`, `X` and `y`, `features` and `labels`, in upper or lower case.
package struct UserDataRequest: Sendable, Equatable {
    /// What rows are.
    package enum Kind: String, Sendable, CaseIterable {
        case features
        case images
    }

    /// The training rows.
    package var train: String
    /// Their labels; nil if they are in the same archive.
    package var trainLabels: String?
    /// The test rows; nil for none, or if they are in the training rows' archive.
    package var test: String?
    /// Their labels; nil likewise.
    package var testLabels: String?
    /// The validation rows; nil for none, or if they are in the training rows' archive.
    package var val: String?
    /// Their labels; nil likewise.
    package var valLabels: String?
    /// What each training row weighs: an array of numbers, or a text file of one a line; nil if all weigh 1.
    package var sampleWeights: String?
    /// What the rows are; nil to tell by their shape.
    package var kind: Kind?
    /// The number of the first column of svmlight files, 0 or 1; nil if it was not said.
    package var svmlightBase: Int?
    /// Whether values of two bytes without a name in an `.npy` are bfloat16.
    package var readsBfloat16: Bool
    /// Bytes of features, as float32, that a file's rows may take in memory: those of larger ones are
    /// read from the file when they are needed.
    package var heldByteCountMax = heldMebibyteCount << 20
    /// What that is in MiB, unless somebody says otherwise.
    package static let heldMebibyteCount = FeatureMemory.heldByteCountMax >> 20
    /// What it may be in MiB.
    package static let heldMebibyteRange = 0...1 << 30

    /// The same for rows that are asked about: little beside those that are trained on, where these are in
    /// their file.
    package static func askedByteCountMax(
        _ heldByteCountMax: Int, beside train: any FeatureRows
    ) -> Int {
        train.held == nil ? heldByteCountMax / 8 : heldByteCountMax
    }

    /// Data of these files.
    package init(
        train: String, trainLabels: String? = nil, test: String? = nil, testLabels: String? = nil,
        sampleWeights: String? = nil, val: String? = nil, valLabels: String? = nil,
        kind: Kind? = nil, svmlightBase: Int? = nil, readsBfloat16: Bool = false
    ) {
        self.train = train
        self.trainLabels = trainLabels
        self.test = test
        self.testLabels = testLabels
        self.val = val
        self.valLabels = valLabels
        self.sampleWeights = sampleWeights
        self.kind = kind
        self.svmlightBase = svmlightBase
        self.readsBfloat16 = readsBfloat16
    }
}
