import Synchronization

/// What `/metrics` says, in Prometheus's text format.
package final class ServingMetrics: Sendable {
    private struct ModelCounts {
        var succeededCount = 0
        var failedCount = 0
        var rowCount = 0
        /// Requests by duration: up to each bound, and above the last.
        var buckets = [Int](repeating: 0, count: bounds.count + 1)
        var seconds = 0.0
    }

    private struct State {
        var models: [String: ModelCounts] = [:]
        var responses: [Int: Int] = [:]
        var batchCount = 0
        var batchRowCount = 0
        var inFlightCount = 0
        var reloads: [String: Int] = [:]
    }

    /// Seconds.
    private static let bounds = [
        25e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 50e-3, 0.1, 0.5, 1, 5,
    ]

    private let state = Mutex(State())
    private let connectionCount: @Sendable () -> Int

    /// Nothing counted yet.
    ///
    /// - Parameter connectionCount: how many connections are open.
    package init(connectionCount: @escaping @Sendable () -> Int) {
        self.connectionCount = connectionCount
    }

    /// Counts an attempt to read the models again.
    package func countReload(succeeded: Bool) {
        state.withLock { $0.reloads[succeeded ? "success" : "failure", default: 0] += 1 }
    }

    func countResponse(status: Int) {
        state.withLock { $0.responses[status, default: 0] += 1 }
    }

    func countBatch(rows: Int) {
        state.withLock { state in
            state.batchCount += 1
            state.batchRowCount += rows
        }
    }

    func begin() { state.withLock { $0.inFlightCount += 1 } }

    func end() { state.withLock { $0.inFlightCount -= 1 } }

    func countInference(
        _ model: String, rows: Int, succeeded: Bool, since start: ContinuousClock.Instant
    ) {
        let (whole, attoseconds) = (ContinuousClock.now - start).components
        let seconds = Double(whole) + Double(attoseconds) * 1e-18
        let bucket = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
        state.withLock { state in
            state.models[model, default: ModelCounts()].rowCount += rows
            if succeeded {
                state.models[model]?.succeededCount += 1
            } else {
                state.models[model]?.failedCount += 1
            }
            state.models[model]?.buckets[bucket] += 1
            state.models[model]?.seconds += seconds
        }
    }

    /// The text.
    func text(models loaded: [String]) -> String {
        let state = state.withLock { $0 }
        var text = Metrics()
        let names = state.models.keys.sorted()
        text.add(
            "manyheads_inference_requests_total", .counter, "Requests for predictions.",
            names.flatMap { name in
                let counts = state.models[name] ?? ModelCounts()
                return [
                    ([("model", name), ("result", "success")], Double(counts.succeededCount)),
                    ([("model", name), ("result", "failure")], Double(counts.failedCount)),
                ]
            })
        text.add(
            "manyheads_inference_rows_total", .counter, "Rows predicted.",
            names.map { ([("model", $0)], Double(state.models[$0]?.rowCount ?? 0)) })
        text.addHistograms(
            "manyheads_inference_duration_seconds",
            "From a request's last byte to its answer.", bounds: Self.bounds,
            names.map { name in
                let counts = state.models[name] ?? ModelCounts()
                return (name, counts.buckets, counts.seconds)
            })
        text.add(
            "manyheads_http_responses_total", .counter, "Answers by status.",
            state.responses.sorted { $0.key < $1.key }.map {
                ([("code", String($0.key))], Double($0.value))
            })
        text.add(
            "manyheads_batches_total", .counter, "Matrices predicted.",
            [([], Double(state.batchCount))])
        text.add(
            "manyheads_batch_rows_total", .counter, "Rows of those.",
            [([], Double(state.batchRowCount))])
        text.add(
            "manyheads_requests_in_flight", .gauge, "Requests of many rows that are under way.",
            [([], Double(state.inFlightCount))])
        text.add(
            "manyheads_connections", .gauge, "Connections that are open.",
            [([], Double(connectionCount()))])
        text.add(
            "manyheads_model_loaded", .gauge, "1 for each model that is served.",
            loaded.map { ([("model", $0)], 1) })
        text.add(
            "manyheads_reloads_total", .counter, "Times the models were read again.",
            state.reloads.sorted { $0.key < $1.key }.map {
                ([("result", $0.key)], Double($0.value))
            })
        return text.text
    }
}

/// Prometheus's text format.
private struct Metrics {
    enum Kind: String {
        case counter
        case gauge
        case histogram
    }

    typealias Labels = [(name: String, value: String)]

    private(set) var text = ""

    private mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    private mutating func line(_ name: String, _ labels: Labels, _ value: Double) {
        text += name
        if !labels.isEmpty {
            text += "{"
            text += labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }
                .joined(separator: ",")
            text += "}"
        }
        // Whole numbers without a fraction.
        text += " " + (Int(exactly: value).map(String.init) ?? String(value)) + "\n"
    }

    mutating func add(
        _ name: String, _ kind: Kind, _ help: String, _ values: [(labels: Labels, value: Double)]
    ) {
        begin(name, kind, help)
        for (labels, value) in values { line(name, labels, value) }
    }

    mutating func addHistograms(
        _ name: String, _ help: String, bounds: [Double],
        _ models: [(name: String, buckets: [Int], seconds: Double)]
    ) {
        begin(name, .histogram, help)
        for model in models {
            var count = 0
            for (bound, bucket) in zip(bounds.map { String($0) } + ["+Inf"], model.buckets) {
                count += bucket
                line(
                    name + "_bucket", [("model", model.name), ("le", bound)], Double(count))
            }
            line(name + "_sum", [("model", model.name)], model.seconds)
            line(name + "_count", [("model", model.name)], Double(count))
        }
    }

    private static func escaped(_ value: String) -> String {
        value.reduce(into: "") { text, character in
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.append(character)
            }
        }
    }
}
