package import Decoding
package import System

/// What `coordinator evaluate` compares.
package struct EvaluateOptions: Sendable {
    /// Folder of a finished run.
    package var run: String
    /// Classes dropped per step, as 1,2,3; nil takes none unless nothing else is given.
    package var drop: String?
    /// Probabilities under which classes are dropped, as 0.01,0.05.
    package var threshold: String?
    /// Margins of the leader at which elimination stops, as 0.5,0.9.
    package var margin: String?
    /// Folder with the standard files; nil means the run's own.
    package var dataDirectory: String?
    /// Threads of the backbone, 1 to 4,096.
    package var threads: Int
    /// Whether standard output gets JSON in place of the table.
    package var printsJSON = false

    /// An evaluation of the run in a folder, by the policies that are compared by default.
    package init(run: String, threads: Int) {
        self.run = run
        self.threads = threads
    }

    /// Whether a person asked for policies, rather than for what there is.
    var asksForPolicies: Bool { drop != nil || threshold != nil || margin != nil }

    /// The policies in the order given: by drops, thresholds, margins.
    ///
    /// - Throws: `usage` for a list that is none.
    package func policies() throws(RunError) -> [EliminationPolicy] {
        guard (1...4_096).contains(threads) else {
            throw .usage("--threads must be 1 to 4,096, not \(threads)")
        }
        guard asksForPolicies else {
            return [
                .lowest(1), .lowest(2), .lowest(3), .below(0.001), .below(0.01), .below(0.05),
                .certain(margin: 0.5), .certain(margin: 0.9), .certain(margin: 0.99),
            ]
        }
        var policies: [EliminationPolicy] = []
        for part in Self.parts(drop) {
            guard let count = Int(part), (1...1_000_000).contains(count) else {
                throw .usage("--drop takes whole numbers from 1 on, as 1,2,3, not '\(part)'")
            }
            policies.append(.lowest(count))
        }
        for bound in try Self.shares(threshold, "--threshold") { policies.append(.below(bound)) }
        for bound in try Self.shares(margin, "--margin") {
            policies.append(.certain(margin: bound))
        }
        return policies
    }

    private static func shares(
        _ text: String?, _ option: String
    ) throws(RunError) -> [Double] {
        var shares: [Double] = []
        for part in parts(text) {
            guard let share = Double(part), (0...1).contains(share) else {
                throw .usage("\(option) takes numbers from 0 to 1, as 0.01,0.05, not '\(part)'")
            }
            shares.append(share)
        }
        return shares
    }

    private static func parts(_ text: String?) -> [String] {
        text.map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
            ?? []
    }
}
