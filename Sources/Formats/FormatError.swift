/// Why a file cannot be written or read, or is not what its format allows.
package struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of trouble it is.
    package struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Value: Hashable {
            case cannotWrite
            case cannotRead
            case truncated
            case trailingBytes
            case corrupt
            case malformed
            case foreign
        }
        private let value: Value

        /// A file or folder cannot be made or written (exit status 73).
        package static let cannotWrite = Code(value: .cannotWrite)
        /// A file cannot be opened or read (exit status 65, as for all that follow).
        package static let cannotRead = Code(value: .cannotRead)
        /// A file ends before what it claims to hold, or inside its compressed data.
        package static let truncated = Code(value: .truncated)
        /// A file goes on after what it claims to hold.
        package static let trailingBytes = Code(value: .trailingBytes)
        /// Compressed data is damaged.
        package static let corrupt = Code(value: .corrupt)
        /// A file's bytes, or values meant for one, are not what the format allows.
        package static let malformed = Code(value: .malformed)
        /// Something else stands in a file's place, such as a web page.
        package static let foreign = Code(value: .foreign)

        /// The name of the code.
        package var description: String { String(describing: value) }
    }

    /// Which failure it is.
    package let code: Code
    /// What failed, then the cure.
    package let message: String

    /// The message.
    package var description: String { message }

    /// An error of a code with a whole message.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// A file or folder that cannot be written: why, then the cure.
    package static func cannotWrite(_ path: String, _ reason: String) -> FormatError {
        FormatError(.cannotWrite, "cannot write \(path): \(reason)")
    }

    /// A file or folder that cannot be written, by the system's error number.
    package static func cannotWrite(_ path: String, errno code: Int32) -> FormatError {
        cannotWrite(path, FileSystem.writingFailure(code))
    }

    /// A file that cannot be read: why, then the cure.
    package static func cannotRead(_ path: String, _ reason: String) -> FormatError {
        FormatError(.cannotRead, "cannot read \(path): \(reason)")
    }

    /// A file that cannot be read, by the system's error number.
    package static func cannotRead(_ path: String, errno code: Int32) -> FormatError {
        cannotRead(path, FileSystem.readingFailure(path, code))
    }

    /// Something else in a file's place: what, then the cure.
    package static func foreign(_ path: String, _ what: String) -> FormatError {
        FormatError(.foreign, "\(path): \(what)")
    }

    /// A file, or something else by name, that is not what it should be.
    package static func malformed(_ what: String, _ reason: String) -> FormatError {
        FormatError(.malformed, "\(what): \(reason)")
    }

    /// A file that ends early.
    ///
    /// - Parameter expected: completes "the file ends at byte n, ...".
    package static func truncated(_ path: String, byte: Int, expected: String) -> FormatError {
        FormatError(.truncated, "\(path) ends at byte \(byte), \(expected); get the file again")
    }

    /// A file that goes on where it should end.
    ///
    /// - Parameter what: completes "the file goes on at byte n, after ...".
    package static func trailingBytes(_ path: String, byte: Int, what: String) -> FormatError {
        FormatError(
            .trailingBytes, "\(path) goes on at byte \(byte), after \(what); get the file again")
    }

    static func corrupt(_ path: String, byte: Int, reason: String) -> FormatError {
        FormatError(
            .corrupt,
            "\(path) is damaged near byte \(byte) of its compressed data: \(reason); get the file again"
        )
    }

    /// The same error, of the file it was found in.
    package func located(in path: String) -> FormatError {
        FormatError(code, "\(path): \(message)")
    }
}
