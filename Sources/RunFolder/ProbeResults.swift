package import Formats
package import Probe

/// results.json of a probe: what it found, and what it was found with; all keys are on one level.
package struct ProbeResults: Codable, Sendable, Equatable {
    /// Every option in force.
    package var config: [String: JSONValue]
    /// What was found.
    package var report: ProbeReport
    /// What was trained a second time to compare; nil if nothing was.
    package var verification: RunResults.Verification?
    /// One for each time a worker joined at the last start, in order of joining.
    package var workers: [RunResults.WorkerSummary]
    /// The machine that judged the heads.
    package var coordinator: RunResults.CoordinatorSummary?
    /// SHA-256 of the bytes of the probe's other files, in hexadecimal, by name.
    package var files: [String: String]?
    /// Who was kept out.
    package var security: RunResults.SecuritySummary?
    /// Programs and libraries by name.
    package var versions: [String: String]

    private enum CodingKeys: String, CodingKey {
        case config, verification, workers, coordinator, files, security, versions
    }

    /// Results of these parts.
    package init(
        config: [String: JSONValue], report: ProbeReport,
        verification: RunResults.Verification? = nil, workers: [RunResults.WorkerSummary],
        coordinator: RunResults.CoordinatorSummary? = nil, files: [String: String]? = nil,
        security: RunResults.SecuritySummary? = nil, versions: [String: String]
    ) {
        self.config = config
        self.report = report
        self.verification = verification
        self.workers = workers
        self.coordinator = coordinator
        self.files = files
        self.security = security
        self.versions = versions
    }

    /// Reads what ``encode(to:)`` writes.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            config: try values.decode([String: JSONValue].self, forKey: .config),
            report: try ProbeReport(from: decoder),
            verification: try values.decodeIfPresent(
                RunResults.Verification.self, forKey: .verification),
            workers: try values.decode([RunResults.WorkerSummary].self, forKey: .workers),
            coordinator: try values.decodeIfPresent(
                RunResults.CoordinatorSummary.self, forKey: .coordinator),
            files: try values.decodeIfPresent([String: String].self, forKey: .files),
            security: try values.decodeIfPresent(
                RunResults.SecuritySummary.self, forKey: .security),
            versions: try values.decode([String: String].self, forKey: .versions))
    }

    /// Writes the report's keys beside the others.
    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(config, forKey: .config)
        try values.encodeIfPresent(verification, forKey: .verification)
        try values.encode(workers, forKey: .workers)
        try values.encodeIfPresent(coordinator, forKey: .coordinator)
        try values.encodeIfPresent(files, forKey: .files)
        try values.encodeIfPresent(security, forKey: .security)
        try values.encode(versions, forKey: .versions)
        try report.encode(to: encoder)
    }
}
