/// Why a folder that can be read is not one to go on in.
package struct RunFolderError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of trouble it is.
    package struct Code: Hashable, Sendable {
        private enum Value: Hashable {
            case otherConfiguration
            case inUse
        }
        private let value: Value

        /// The folder holds a run of another configuration, or files of somebody else's (exit status
        /// 64).
        package static let otherConfiguration = Code(value: .otherConfiguration)
        /// Another process uses the folder (69).
        package static let inUse = Code(value: .inUse)
    }

    /// Which failure it is.
    package let code: Code
    /// What failed, then the cure.
    package let message: String

    /// The message.
    package var description: String { message }

    static func otherConfiguration(_ path: String, differences: [String]) -> RunFolderError {
        RunFolderError(
            code: .otherConfiguration,
            message: "\(path) holds a run of another configuration: "
                + differences.joined(separator: "; ")
                + "; use the same options to go on with it, or another --run-dir")
    }

    static func otherData(_ path: String) -> RunFolderError {
        RunFolderError(
            code: .otherConfiguration,
            message: "\(path) is of a run on other data; use the data it was begun "
                + "with, or another --run-dir")
    }

    static func foreignFile(_ path: String, _ name: String) -> RunFolderError {
        RunFolderError(
            code: .otherConfiguration,
            message: "\(path) holds \(name) but no config.json, so it is not a run of ours; "
                + "use another --run-dir")
    }

    static func otherKind(_ path: String, found: String, wanted: String) -> RunFolderError {
        RunFolderError(
            code: .otherConfiguration,
            message:
                "\(path) holds a \(found), and a \(wanted) needs a folder of its own; use another "
                + "--run-dir")
    }

    static func inUse(_ path: String, by owner: String) -> RunFolderError {
        RunFolderError(
            code: .inUse,
            message: "\(path) is in use by another coordinator\(owner); stop it, or use another "
                + "--run-dir")
    }
}
