import Formats
package import HTTP
import InferenceProtocol
import Numerics
import Synchronization

/// Answers the requests of the Open Inference Protocol, and `/metrics`.
///
/// Requests that arrive together and ask the same model are predicted as one matrix; a request of many
/// rows is predicted in parts.
package final class InferenceService: HTTPService {
    /// Rows that are predicted at once: of more, each part is this large.
    ///
    /// A thread looks after its connections between two parts.
    package static let partRowCountMax = 64

    private let registry: ModelRegistry
    private let version: String
    private let bodyByteCountMax: Int
    private let metrics: ServingMetrics

    /// A request for predictions that was understood.
    private struct Question {
        let position: Int
        let name: String
        let predictor: any RowPredictor
        let rows: InferenceRows
        let answer: InferenceAnswer
    }

    /// A service of the models in a registry.
    ///
    /// - Parameters:
    ///   - version: of this program.
    ///   - bodyByteCountMax: of a request's body once it is unpacked.
    package init(
        _ registry: ModelRegistry, version: String, metrics: ServingMetrics,
        bodyByteCountMax: Int = HTTPLimits().bodyByteCountMax
    ) {
        self.registry = registry
        self.bodyByteCountMax = bodyByteCountMax
        self.version = version
        self.metrics = metrics
    }

    /// Answers to requests that arrived together.
    package func answers(to requests: [HTTPRequest]) -> [HTTPAnswer] {
        let start = ContinuousClock.now
        var answers = [HTTPAnswer?](repeating: nil, count: requests.count)
        var questions: [Question] = []
        for (position, request) in requests.enumerated() {
            do throws(InferenceError) {
                if request.path == "/metrics" {
                    answers[position] = try metricsAnswer(request)
                    continue
                }
                let route = try InferenceRoute(method: request.method, path: request.path)
                if case .infer(let name) = route {
                    questions.append(try question(position, name, request, start))
                } else {
                    answers[position] = .response(Self.json(try answer(route)))
                }
            } catch {
                answers[position] = .response(failure(error))
            }
        }
        for group in Self.groups(questions) {
            if group.count == 1, group[0].rows.count > Self.partRowCountMax {
                answers[group[0].position] = .work(work(group[0], start))
            } else {
                for (position, response) in predict(group, start) {
                    answers[position] = .response(response)
                }
            }
        }
        return answers.map { $0 ?? .response(failure(InferenceError(status: 500, "no answer"))) }
    }

    /// The answer to a request that could not be read, or that finds no place.
    package func answer(to failure: HTTPFailure) -> HTTPResponse {
        metrics.countResponse(status: failure.status)
        return Self.json(InferenceError.body(failure.message), status: failure.status)
    }

    private static func json(_ body: [UInt8], status: Int = 200) -> HTTPResponse {
        HTTPResponse(status: status, contentType: "application/json", body: body)
    }

    private func failure(_ error: InferenceError) -> HTTPResponse {
        metrics.countResponse(status: error.status)
        var response = Self.json(error.body, status: error.status)
        if !error.allowedMethods.isEmpty {
            response.headers = [
                HTTPRequest.Header(
                    name: "Allow", value: error.allowedMethods.joined(separator: ", "))
            ]
        }
        return response
    }

    private func metricsAnswer(_ request: HTTPRequest) throws(InferenceError) -> HTTPAnswer {
        let methods = ["GET", "HEAD"]
        guard methods.contains(request.method) else {
            throw InferenceError(methods: methods, "/metrics is asked with GET")
        }
        metrics.countResponse(status: 200)
        return .response(
            HTTPResponse(
                contentType: "text/plain; version=0.0.4",
                body: Array(metrics.text(models: registry.names).utf8)))
    }

    /// The body of what holds no predictions.
    private func answer(_ route: InferenceRoute) throws(InferenceError) -> [UInt8] {
        let body: [UInt8] =
            switch route {
            case .live: InferenceText.live
            case .ready: InferenceText.ready(true)
            case .server: InferenceText.server(version: version)
            case .models: InferenceText.models(registry.names)
            case .repositoryIndex: InferenceText.repositoryIndex(registry.names)
            case .model(let name): try registry.model(name).description.metadata
            case .modelReady(let name):
                InferenceText.modelReady(try registry.model(name).description.name)
            case .infer: []
            }
        metrics.countResponse(status: 200)
        return body
    }

    private func question(
        _ position: Int, _ name: String, _ request: HTTPRequest, _ start: ContinuousClock.Instant
    ) throws(InferenceError) -> Question {
        let model = try registry.model(name)
        do throws(InferenceError) {
            let inference = try InferenceRequest(
                body: try body(of: request),
                length: request.header(InferenceRequest.lengthHeader))
            let answer = try InferenceAnswer(to: inference, by: model.description)
            return Question(
                position: position, name: name,
                predictor: try model.predictor(scheme: inference.scheme),
                rows: try inference.rows(for: model.description), answer: answer)
        } catch {
            metrics.countInference(name, rows: 0, succeeded: false, since: start)
            throw error
        }
    }
}

extension InferenceService {
    /// The body of a request, unpacked.
    private func body(of request: HTTPRequest) throws(InferenceError) -> [UInt8] {
        guard let name = request.header("content-encoding"), name != "identity" else {
            return request.body
        }
        guard let encoding = PackedBody.Encoding(rawValue: name.lowercased()) else {
            throw InferenceError(
                status: 415,
                "the body is packed with \(name.prefix(100)); gzip and deflate are understood"
            )
        }
        do throws(FormatError) {
            return try PackedBody.unpack(request.body, encoding, byteCountMax: bodyByteCountMax)
        } catch {
            throw InferenceError(
                status: error.code == .trailingBytes ? 413 : 400, error.message)
        }
    }
}

// MARK: Predicting

extension InferenceService {
    /// Questions that are predicted together: of one predictor, few rows.
    private static func groups(_ questions: [Question]) -> [[Question]] {
        var groups: [[Question]] = []
        for question in questions {
            let count = question.rows.count
            let place = groups.firstIndex { group in
                group[0].predictor === question.predictor
                    && group.reduce(count) { $0 + $1.rows.count } <= partRowCountMax
            }
            if let place { groups[place].append(question) } else { groups.append([question]) }
        }
        return groups
    }

    private func predict(
        _ group: [Question], _ start: ContinuousClock.Instant
    ) -> [(position: Int, HTTPResponse)] {
        metrics.countBatch(rows: group.reduce(0) { $0 + $1.rows.count })
        do throws(InferenceError) {
            let rows = group.count == 1 ? group[0].rows : Self.joined(group.map(\.rows))
            let probabilities = rows.count == 0 ? [] : try group[0].predictor.probabilities(rows)
            let classCount = rows.count == 0 ? 0 : probabilities.count / rows.count
            var offset = 0
            return group.map { question in
                let count = question.rows.count * classCount
                defer { offset += count }
                return (
                    question.position,
                    response(question, probabilities[offset..<offset + count], start)
                )
            }
        } catch {
            return group.map { question in
                metrics.countInference(question.name, rows: 0, succeeded: false, since: start)
                return (question.position, failure(error))
            }
        }
    }

    private func response(
        _ question: Question, _ probabilities: ArraySlice<Double>, _ start: ContinuousClock.Instant
    ) -> HTTPResponse {
        let (body, jsonByteCount) = question.answer.body(probabilities)
        metrics.countInference(
            question.name, rows: question.rows.count, succeeded: true, since: start)
        metrics.countResponse(status: 200)
        guard let jsonByteCount else { return Self.json(body) }
        return HTTPResponse(
            contentType: "application/octet-stream",
            headers: [
                HTTPRequest.Header(
                    name: "Inference-Header-Content-Length", value: String(jsonByteCount))
            ], body: body)
    }

    /// A request of many rows, in parts.
    private func work(_ question: Question, _ start: ContinuousClock.Instant) -> HTTPWork {
        let count = question.rows.count
        let size = Self.partRowCountMax
        // A part's probabilities, or what is wrong.
        let partCount = (count + size - 1) / size
        let found = PartResults(count: partCount)
        metrics.begin()
        return HTTPWork(partCount: partCount) { part in
            let rows = question.rows.slice(part * size..<min(count, (part + 1) * size))
            self.metrics.countBatch(rows: rows.count)
            do throws(InferenceError) {
                found.set(part, .success(try question.predictor.probabilities(rows)))
            } catch {
                found.set(part, .failure(error))
            }
        } finish: {
            self.metrics.end()
            do throws(InferenceError) {
                return self.response(question, try found.joined()[...], start)
            } catch {
                self.metrics.countInference(question.name, rows: 0, succeeded: false, since: start)
                return self.failure(error)
            }
        }
    }

    private static func joined(_ all: [InferenceRows]) -> InferenceRows {
        switch all[0] {
        case .features(let first):
            var values: [Float] = []
            values.reserveCapacity(all.reduce(0) { $0 + $1.count } * first.columnCount)
            for case .features(let features) in all { values += features.values }
            return .features(
                Matrix(
                    rowCount: values.count / first.columnCount, columnCount: first.columnCount,
                    values: values))
        case .images:
            var pixels: [UInt8] = []
            for case .images(_, let more) in all { pixels += more }
            return .images(count: all.reduce(0) { $0 + $1.count }, pixels: pixels)
        }
    }
}

extension InferenceRows {
    /// Some of the rows.
    fileprivate func slice(_ range: Range<Int>) -> InferenceRows {
        switch self {
        case .features(let features):
            let width = features.columnCount
            return .features(
                Matrix(
                    rowCount: range.count, columnCount: width,
                    values: Array(
                        features.values[range.lowerBound * width..<range.upperBound * width])))
        case .images(let count, let pixels):
            let size = pixels.count / count
            return .images(
                count: range.count,
                pixels: Array(pixels[range.lowerBound * size..<range.upperBound * size]))
        }
    }
}

/// What the parts of a request gave, set by whichever threads did them.
private final class PartResults: Sendable {
    private let results: Mutex<[Result<[Double], InferenceError>?]>

    init(count: Int) {
        results = Mutex(Array(repeating: nil, count: count))
    }

    func set(_ part: Int, _ result: Result<[Double], InferenceError>) {
        results.withLock { $0[part] = result }
    }

    /// All of them, in order.
    func joined() throws(InferenceError) -> [Double] {
        var all: [Double] = []
        for result in results.withLock({ $0 }) {
            guard let result else { throw InferenceError(status: 500, "a part is missing") }
            all += try result.get()
        }
        return all
    }
}
