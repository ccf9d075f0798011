package import Decoding
package import Heads
package import ImageData
package import LeNet
package import Numerics

/// What the rows are that a model is asked about.
package enum ModelInput: Sendable, Equatable {
    /// So many features a row.
    case features(Int)
    /// Images of a shape, on which its backbone makes features.
    case images(ImageShape)
}

/// A trained model: classes, what is done to rows, heads and, where it made its own features, the
/// backbone.
///
/// What evaluates, predicts, serves or exports opens this and nothing else.
package struct Model: Sendable {
    /// A name per class.
    package let classNames: [String]
    /// The stable key of each class.
    package let classKeys: [UInt64]
    /// Ascending, at least one unless there is a backbone.
    package let heads: [Head]
    /// Makes features of images; nil where features come from elsewhere.
    package let backbone: BackboneWeights?
    /// The shape of the images that the backbone reads; nil without one, and in files of versions
    /// before 1.1, which do not say.
    package let imageShape: ImageShape?
    /// What is done to rows of features first.
    package let normalization: Normalization
    /// What validation rows said of each scheme's probabilities; a scheme that is not here has
    /// probabilities as they are.
    package let calibrations: [Scheme: Calibration]
    /// The scheme that validation rows chose; nil without such rows.
    package let chosenScheme: Scheme?
    /// What else the file says: data set, seed, digests, versions.
    package let metadata: [String: String]

    /// A model of these parts.
    ///
    /// Traps unless every class has a name and a key, and the normalisation is of the heads' width.
    package init(
        classNames: [String], classKeys: [UInt64], heads: [Head], backbone: BackboneWeights?,
        imageShape: ImageShape? = nil, normalization: Normalization = .none,
        calibrations: [Scheme: Calibration] = [:], chosenScheme: Scheme? = nil,
        metadata: [String: String] = [:]
    ) {
        precondition(classNames.count == classKeys.count)
        precondition(heads.first.map { normalization.fits(featureCount: $0.featureCount) } ?? true)
        self.classNames = classNames
        self.classKeys = classKeys
        self.heads = heads
        self.backbone = backbone
        self.imageShape = imageShape
        self.normalization = normalization
        self.calibrations = calibrations
        self.chosenScheme = chosenScheme
        self.metadata = metadata
    }

    /// How many classes there are.
    package var classCount: Int { classNames.count }

    /// The labels as whole numbers, where the training labels were such: `007` and texts of digits are
    /// none.
    package var integerLabels: [Int64]? {
        var labels: [Int64] = []
        for (name, key) in zip(classNames, classKeys) {
            // Of a whole number of 32 bits the key is the number, of a text it never is.
            guard let label = Int64(name), String(label) == name,
                UInt32(exactly: label).map({ UInt64($0) == key }) ?? true
            else { return nil }
            labels.append(label)
        }
        return labels
    }

    /// Features that heads read; nil without heads and backbone.
    package var featureCount: Int? {
        heads.first?.featureCount ?? backbone?.outputHead.featureCount
    }

    /// What it is asked about; nil where the file does not say the shape of its images, or there are
    /// neither heads nor a backbone.
    package var input: ModelInput? {
        if backbone != nil { return imageShape.map { .images($0) } }
        return featureCount.map { .features($0) }
    }
}
