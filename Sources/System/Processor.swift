import Foundation

/// What the system says of this machine's processor.
package enum Processor {
    /// What it is called, as in "AMD EPYC 7763 64-Core Processor"; nil where the system does not tell.
    package static var modelName: String? {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
    }
}
