import Formats

/// Why a data set could not be had: a request that makes no sense, or files that are not right.
package struct DatasetError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure.
    package let code: Code
    /// One sentence: what failed, then the cure.
    package let message: String

    /// The kind of failure, for programs.
    package struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: Hashable, Sendable {
            case invalidRequest
            case missingFile
            case unreadableFile
            case truncatedFile
            case trailingBytes
            case wrongMagic
            case wrongSize
            case labelOutOfRange
            case corruptGzip
            case countMismatch
            case emptyClass
        }

        private let kind: Kind

        /// Options that make no sense; every other code is about the data.
        package static let invalidRequest = Code(kind: .invalidRequest)
        /// No folder that was searched has all the files.
        package static let missingFile = Code(kind: .missingFile)
        /// A file that is there cannot be opened or read.
        package static let unreadableFile = Code(kind: .unreadableFile)
        /// A file ends before what it claims to hold, or in its gzip stream.
        package static let truncatedFile = Code(kind: .truncatedFile)
        /// A file goes on after what it claims to hold.
        package static let trailingBytes = Code(kind: .trailingBytes)
        /// A file that should be IDX starts otherwise.
        package static let wrongMagic = Code(kind: .wrongMagic)
        /// A header claims a size that cannot be, or that is not taken.
        package static let wrongSize = Code(kind: .wrongSize)
        /// A label is no class of the data set.
        package static let labelOutOfRange = Code(kind: .labelOutOfRange)
        /// A gzip stream is damaged.
        package static let corruptGzip = Code(kind: .corruptGzip)
        /// Two files or parts do not belong together.
        package static let countMismatch = Code(kind: .countMismatch)
        /// A class has no row left.
        package static let emptyClass = Code(kind: .emptyClass)

        /// The name of the kind, as written here.
        package var description: String { String(describing: kind) }
    }

    /// The message.
    package var description: String { message }
}

/// How a damaged file is got again.
private let how = ", for instance with Scripts/fetch-data"
/// What every complaint about a damaged file ends with.
private let replaceIt = "get the file again" + how

extension DatasetError {
    /// An error of the reader of a data set's file.
    init(_ error: FormatError) {
        let isDamage = error.code != .cannotRead
        code =
            switch error.code {
            case .truncated: .truncatedFile
            case .trailingBytes: .trailingBytes
            case .corrupt: .corruptGzip
            default: .unreadableFile
            }
        message = error.message + (isDamage ? how : "")
    }

    static func invalidRequest(_ message: String) -> DatasetError {
        DatasetError(code: .invalidRequest, message: message)
    }

    static func missingFile(
        _ file: String, of name: DatasetName, folders: [String]
    ) -> DatasetError {
        let last = "put the standard files anywhere and pass --data-dir or set MANYHEADS_DATA"
        let ways =
            switch name {
            case .fashionMNIST:
                "run 'apt install dataset-fashion-mnist', or run "
                    + "'Scripts/fetch-data DIR fashion-mnist' and pass '--data-dir DIR', or \(last)"
            case .mnist, .cifar10:
                "run 'Scripts/fetch-data DIR \(name)' and pass '--data-dir DIR', or download them "
                    + "by hand from \(name.home) into DIR/\(name) and pass '--data-dir DIR', "
                    + "or \(last)"
            }
        return DatasetError(
            code: .missingFile,
            message: "cannot find \(file) (nor \(file).gz) of \(name), searched "
                + "\(folders.joined(separator: ", ")); \(ways)")
    }

    static func wrongMagic(
        _ path: String, found: UInt32, expected: UInt32, kind: String
    ) -> DatasetError {
        let found = String(found, radix: 16)
        let expected = String(expected, radix: 16)
        return DatasetError(
            code: .wrongMagic,
            message: "\(path) starts at byte 0 with 0x\(found) and not with 0x\(expected), so it "
                + "is no IDX file of \(kind); \(replaceIt)")
    }

    static func wrongSize(_ path: String, byte: Int, _ what: String) -> DatasetError {
        DatasetError(
            code: .wrongSize, message: "\(path) claims \(what) at byte \(byte); \(replaceIt)")
    }

    static func labelOutOfRange(
        _ path: String, byte: Int, label: Int, classCount: Int
    ) -> DatasetError {
        DatasetError(
            code: .labelOutOfRange,
            message: "\(path) has label \(label) at byte \(byte), and the classes are 0 to "
                + "\(classCount - 1); \(replaceIt)")
    }

    static func countMismatch(_ message: String) -> DatasetError {
        DatasetError(code: .countMismatch, message: message)
    }

    static func emptyClass(_ className: String, index: Int, set: String) -> DatasetError {
        DatasetError(
            code: .emptyClass,
            message: "no \(set) row is left of class \(index) (\(className)); keep more rows "
                + "(--every, --fraction) or leave the class out (--classes)")
    }
}
