import CRelease

/// This release of Manyheads, and the commit that it was built from.
package enum Release {
    /// The release's number; Deploy/CHANGELOG.md says what it brings.
    package static let version = "0.1.0"

    /// The commit, in hex, with `+changes` where files differed from it; `unknown` where whoever built
    /// it did not say.
    package static var commit: String { unsafe String(cString: manyheads_commit()) }

    /// As `--version` prints it: `0.1.0 (commit unknown)`.
    package static var description: String { "\(version) (commit \(commit))" }
}
