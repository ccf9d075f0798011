/// Why a run's files cannot be written, read or used.
package struct RunStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of trouble it is.
    package struct Code: Hashable, Sendable {
        private enum Value: Hashable {
            case cannotWrite
            case cannotRead
            case malformed
            case otherConfiguration
            case inUse
        }
        private let value: Value

        /// A file or folder cannot be made or written (exit status 73).
        package static let cannotWrite = Code(value: .cannotWrite)
        /// A file cannot be read (exit status 65).
        package static let cannotRead = Code(value: .cannotRead)
        /// A file's bytes, or values meant for one, are not what the format allows (65).
        package static let malformed = Code(value: .malformed)
        /// The run directory holds a run of another configuration (64).
        package static let otherConfiguration = Code(value: .otherConfiguration)
        /// Another process uses the run directory (69).
        package static let inUse = Code(value: .inUse)
    }

    /// Which failure it is.
    package let code: Code
    /// What failed, then the cure.
    package let message: String

    package var description: String { message }

    static func cannotWrite(_ path: String, _ reason: String) -> RunStoreError {
        RunStoreError(
            code: .cannotWrite,
            message: "cannot write \(path): \(reason); choose a folder that can be written")
    }

    static func cannotRead(_ path: String, _ reason: String) -> RunStoreError {
        RunStoreError(
            code: .cannotRead, message: "cannot read \(path): \(reason); check the path")
    }

    static func malformed(_ what: String, _ reason: String) -> RunStoreError {
        RunStoreError(code: .malformed, message: "\(what): \(reason)")
    }

    static func otherConfiguration(_ path: String, differences: [String]) -> RunStoreError {
        RunStoreError(
            code: .otherConfiguration,
            message: "\(path) holds a run of another configuration: "
                + differences.joined(separator: "; ")
                + "; use the same options to go on with it, or another --run-dir")
    }

    static func foreignFile(_ path: String, _ name: String) -> RunStoreError {
        RunStoreError(
            code: .otherConfiguration,
            message: "\(path) holds \(name) but no config.json, so it is not a run of ours; "
                + "use another --run-dir")
    }

    static func noJournal(_ path: String) -> RunStoreError {
        RunStoreError(
            code: .malformed,
            message: "\(path) holds config.json but no journal.sqlite, so the run cannot go on; "
                + "restore it from a copy, or use another --run-dir")
    }

    static func inUse(_ path: String, by owner: String) -> RunStoreError {
        RunStoreError(
            code: .inUse,
            message: "\(path) is in use by another coordinator\(owner); stop it, or use another "
                + "--run-dir")
    }

    /// The same error, of the file it was found in.
    func located(in path: String) -> RunStoreError {
        RunStoreError(code: code, message: "\(path): \(message)")
    }
}
