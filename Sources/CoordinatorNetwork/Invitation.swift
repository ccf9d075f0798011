import System

/// How workers join a run: where, and with what.
package struct Invitation: Sendable {
    /// Where other machines find the coordinator; never an address that only stands for all.
    package let endpoint: String
    /// What starts a worker, with the keys that it needs.
    package let command: String

    /// How to join a coordinator that listens at `bound`.
    ///
    /// - Parameter admission: who may join where all is encrypted.
    package init(_ bound: String, _ admission: Admission?) {
        endpoint = TCPEndpoint(bound)?.fromElsewhere.description ?? bound
        let keys =
            (admission?.serverKeyName).map { " --key NAME.key_secret --server-key \($0)" } ?? ""
        command = "worker --connect \(endpoint)\(keys)"
    }
}
