import Numerics

/// Which files hold a user's own data, and what they are.
///
/// A file is an `.npy` array, an `.npz` archive, or `FILE:NAME` for one array of an archive; labels may
/// also be a text file of one label a line. An archive without a name is searched for arrays by the
/// names in use: `x_train` and `y_train`, `train_images` and `train_labels`, `X` and `y`, `features`
/// and `labels`, in upper or lower case.
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
    /// What each training row weighs: an array of numbers, or a text file of one a line; nil if all weigh 1.
    package var sampleWeights: String?
    /// What the rows are; nil to tell by their shape.
    package var kind: Kind?
    /// Bytes of features, as float32, that a file's rows may take in memory: those of larger ones are
    /// read from the file when they are needed.
    package var heldByteCountMax = heldMebibyteCount << 20
    /// What that is in MiB, unless somebody says otherwise.
    package static let heldMebibyteCount = FeatureMemory.heldByteCountMax >> 20

    /// Data of these files.
    package init(
        train: String, trainLabels: String? = nil, test: String? = nil, testLabels: String? = nil,
        sampleWeights: String? = nil, kind: Kind? = nil
    ) {
        self.train = train
        self.trainLabels = trainLabels
        self.test = test
        self.testLabels = testLabels
        self.sampleWeights = sampleWeights
        self.kind = kind
    }
}
