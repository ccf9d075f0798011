import Formats
import Foundation
import System

/// A command line that does the same again.
package enum ShellCommand {
    /// The variables that results may depend on: where data is, and what kernels and oneDNN use.
    private static let variables = [
        "MANYHEADS_DATA", "MANYHEADS_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA",
    ]

    /// As it can be pasted into a shell: the release as a comment, then one line with the variables that
    /// are set and the words as they were given.
    ///
    /// `MANYHEADS_DATA` is left out where `--data-dir` takes its place.
    package static func line(
        _ program: String, _ arguments: [String],
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> String {
        let namesData = arguments.contains { $0 == "--data-dir" || $0.hasPrefix("--data-dir=") }
        let settings = variables.compactMap { name -> String? in
            guard let value = environment[name], !value.isEmpty,
                !(namesData && name == "MANYHEADS_DATA")
            else { return nil }
            return "\(name)=\(value.shellQuoted)"
        }
        let words = settings + [program] + arguments.map(\.shellQuoted)
        return "# manyheads \(Release.description)\n" + words.joined(separator: " ")
    }
}
