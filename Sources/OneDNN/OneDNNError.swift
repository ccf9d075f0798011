import COneDNN

/// What oneDNN refused to do.
package struct OneDNNError: Error, CustomStringConvertible {
    /// The kind of failure.
    package struct Code: Hashable, Sendable {
        private enum Value: Hashable { case unsupported, invalidArguments, outOfMemory, failed }
        private let value: Value

        /// This processor or this version of the library lacks the operation asked for.
        package static let unsupported = Code(value: .unsupported)
        /// Shapes or parameters do not fit together.
        package static let invalidArguments = Code(value: .invalidArguments)
        /// Memory ran out.
        package static let outOfMemory = Code(value: .outOfMemory)
        /// The library failed for a reason it does not tell.
        package static let failed = Code(value: .failed)
    }

    /// The kind of failure.
    package let code: Code
    /// What failed, then the cure.
    package let message: String

    /// The message.
    package var description: String { message }

    /// Throws unless `status` says success; `operation` names what was tried.
    static func check(
        _ status: dnnl_status_t, _ operation: @autoclosure () -> String
    ) throws(OneDNNError) {
        switch status {
        case dnnl_success: return
        case dnnl_unimplemented:
            throw OneDNNError(
                code: .unsupported,
                message: "oneDNN has no \(operation()) for this processor; use another machine or"
                    + " a newer libdnnl")
        case dnnl_invalid_arguments:
            throw OneDNNError(
                code: .invalidArguments,
                message: "oneDNN refuses the shapes of \(operation()); check the image size")
        case dnnl_out_of_memory:
            throw OneDNNError(
                code: .outOfMemory,
                message: "oneDNN ran out of memory in \(operation()); use smaller minibatches")
        default:
            throw failed(operation())
        }
    }

    static func failed(_ operation: String) -> OneDNNError {
        OneDNNError(
            code: .failed,
            message: "oneDNN failed in \(operation); set ONEDNN_VERBOSE=1 to see its last call")
    }
}
