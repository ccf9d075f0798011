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
        let isDamage = error.code != .cannotRead && error.code != .foreign
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

    static func missingFiles(
        _ files: [String], of name: DatasetName, folders: [String]
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
        let missing = files.map { "\($0) (nor \($0).gz)" }.joined(separator: ", ")
        return DatasetError(
            code: .missingFile,
            message: "cannot find \(missing) of \(name), searched "
                + "\(folders.joined(separator: ", ")); \(ways)")
    }

    static func otherForm(_ path: String, of name: DatasetName, cure: String) -> DatasetError {
        DatasetError(
            code: .missingFile,
            message: "\(path) holds \(name) in a form that --dataset does not read; \(cure)")
    }

    /// Something that is there and cannot be used: why, then the cure.
    static func obstructed(_ path: String, _ reason: String) -> DatasetError {
        DatasetError(code: .unreadableFile, message: "cannot read \(path): \(reason)")
    }

    static func wrongMagic(
        _ path: String, found: UInt32, expected: UInt32, kind: String
    ) -> DatasetError {
        let other = [0x801: "labels", 0x803: "images"][found]
        let cure = other.map { " but one of \($0); exchange the two" } ?? "; \(replaceIt)"
        return DatasetError(
            code: .wrongMagic,
            message: "\(path) starts at byte 0 with 0x\(String(found, radix: 16)) and not with "
                + "0x\(String(expected, radix: 16)), so it is no IDX file of \(kind)\(cure)")
    }

    static func wrongSize(_ path: String, byte: Int, _ what: String) -> DatasetError {
        DatasetError(
            code: .wrongSize, message: "\(path) claims \(what) at byte \(byte); \(replaceIt)")
    }

    /// Checks the labels of a file.
    ///
    /// - Parameter place: the byte of the label of a row.
    static func refuseLabelsOutOfRange(
        _ labels: [Int], in path: String, classCount: Int, place: (Int) -> Int
    ) throws(DatasetError) {
        guard let row = labels.firstIndex(where: { $0 >= classCount }) else { return }
        let last = classCount - 1
        if !labels.contains(0), labels.max() == classCount {
            throw DatasetError(
                code: .labelOutOfRange,
                message: "\(path) has labels 1 to \(classCount), and the classes are 0 to \(last); "
                    + "subtract 1 from every label")
        }
        throw DatasetError(
            code: .labelOutOfRange,
            message:
                "\(path) has label \(labels[row]) at byte \(place(row)), and the classes are 0 "
                + "to \(last); \(replaceIt)")
    }

    static func countMismatch(_ message: String) -> DatasetError {
        DatasetError(code: .countMismatch, message: message)
    }

    /// Classes without a row: by set, their numbers and names.
    static func emptyClasses(
        _ sets: [(set: String, classes: [(index: Int, name: String)])]
    ) -> DatasetError {
        let lacking = sets.filter { !$0.classes.isEmpty }
        let clauses = lacking.map { set, classes in
            "no \(set) row is left of class "
                + classes.map { "\($0.index) (\($0.name))" }.joined(separator: ", ")
        }
        // Test rows are never thinned out.
        let more =
            lacking.allSatisfy { $0.set == "test" }
            ? "" : "keep more rows (--every, --fraction) or "
        return DatasetError(
            code: .emptyClass,
            message: "\(clauses.joined(separator: ", and ")); \(more)leave such classes out "
                + "(--classes)")
    }
}
