/// A data set this project can read.
package enum DatasetName: String, CaseIterable, Sendable, CustomStringConvertible {
    case fashionMNIST = "fashion-mnist"
    case mnist = "mnist"
    case cifar10 = "cifar10"

    /// The name as it is typed and as its folder is called.
    package var description: String { rawValue }

    /// The classes by label, unless the files name them.
    package var classNames: [String] {
        switch self {
        case .fashionMNIST:
            [
                "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
                "Sneaker", "Bag", "Ankle boot",
            ]
        case .mnist: (0..<10).map(String.init)
        case .cifar10:
            [
                "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
                "truck",
            ]
        }
    }

    /// Where a person can download the files.
    var home: String {
        switch self {
        case .fashionMNIST: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
        case .mnist: "https://ossci-datasets.s3.amazonaws.com/mnist/"
        case .cifar10: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
        }
    }

    /// The files that must all be there, training files first; each may end in `.gz` as well.
    var fileNames: [String] {
        switch self {
        case .fashionMNIST, .mnist:
            [
                "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                "t10k-labels-idx1-ubyte",
            ]
        case .cifar10:
            (1...5).map { "data_batch_\($0).bin" } + ["test_batch.bin"]
        }
    }

    /// Forms in which the data set is passed on and not read, each with the cure, given its path.
    var otherForms: [(name: String, cure: @Sendable (String) -> String)] {
        switch self {
        case .fashionMNIST, .mnist:
            [("\(rawValue).npz", { "it can be read by '--train \($0)' in the place of --dataset" })]
        case .cifar10:
            [
                ("cifar-10-binary.tar.gz", { "unpack it beside itself: tar -xzf \($0)" }),
                ("cifar-10-batches-py", { _ in Self.binaryForm }),
                ("cifar-10-python.tar.gz", { _ in Self.binaryForm }),
                ("data_batch_1", { _ in Self.binaryForm }),
            ]
        }
    }

    private static let binaryForm =
        "it is the version for Python; get the binary version (cifar-10-binary.tar.gz)"
}
