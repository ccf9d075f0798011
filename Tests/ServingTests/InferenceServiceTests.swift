import Foundation
import HTTP
import InferenceProtocol
import Serving
import Synchronization
import TestSupport
import Testing

/// Requests to answers, without sockets.
@Suite struct InferenceServiceTests {
    private let model: StubModel
    private let registry = ModelRegistry()
    private let service: InferenceService

    init() throws {
        model = try StubModel("m")
        registry.replace(with: [model, try StubModel("other", featureCount: 2)])
        service = InferenceService(
            registry, version: "1.2", metrics: ServingMetrics { 7 }, bodyByteCountMax: 10_000)
    }

    private func infer(_ data: String, _ shape: [Int], model: String = "m") -> HTTPRequest {
        let body =
            #"{"inputs":[{"name":"features","shape":\#(shape),"datatype":"FP32","data":\#(data)}],"outputs":[{"name":"score"}]}"#
        return HTTPRequest(
            method: "POST", path: "/v2/models/\(model)/infer", body: Array(body.utf8))
    }

    private func responses(_ requests: [HTTPRequest]) -> [HTTPResponse] {
        service.answers(to: requests).map { answer in
            switch answer {
            case .response(let response): return response
            case .work(let work):
                // In any order.
                for part in (0..<work.partCount).reversed() { work.part(part) }
                return work.finish()
            }
        }
    }

    private func get(_ path: String, method: String = "GET") -> (status: Int, text: String) {
        let response = responses([HTTPRequest(method: method, path: path)])[0]
        return (response.status, String(decoding: response.body, as: UTF8.self))
    }

    private func scores(_ response: HTTPResponse) throws -> [Double] {
        let text = String(decoding: response.body, as: UTF8.self)
        #expect(response.status == 200, "\(text)")
        let list = try #require(text.firstMatch(of: /"data":\[([^\]]*)\]/))
        return list.1.split(separator: ",").compactMap { Double($0) }
    }

    @Test func whatHoldsNoPredictions() {
        #expect(get("/v2/health/live") == (200, #"{"live":true}"#))
        #expect(get("/v2/health/ready") == (200, #"{"ready":true}"#))
        #expect(get("/v2/models") == (200, #"{"models":["m","other"]}"#))
        #expect(get("/v2/models/m/ready") == (200, #"{"name":"m","ready":true}"#))
        #expect(get("/v2").text.contains(#""version":"1.2""#))
        #expect(get("/v2/models/none").status == 404)
        #expect(
            get("/v2/models/none").text
                == #"{"error":"there is no model none; there are: m, other"}"#)
        #expect(get("/metrics", method: "POST").status == 405)
        for response in responses([HTTPRequest(method: "GET", path: "/x")]) {
            #expect(response.contentType == "application/json")
        }
    }

    /// RFC 9110, 15.5.6: an answer of status 405 names the methods that there are.
    @Test(arguments: [
        ("GET", "/v2/models/m/infer", "POST"), ("POST", "/v2/models/m", "GET, HEAD"),
        ("PUT", "/v2/repository/index", "POST, GET"), ("POST", "/metrics", "GET, HEAD"),
        ("GET", "/x", nil),
    ])
    func anotherMethodIsToldWhichThereAre(method: String, path: String, allowed: String?) {
        let response = responses([HTTPRequest(method: method, path: path)])[0]
        #expect(response.status == (allowed == nil ? 404 : 405))
        #expect(response.headers.first { $0.name == "Allow" }?.value == allowed)
    }

    @Test func requestsThatComeTogetherArePredictedTogether() throws {
        let found = responses([
            infer("[1,1,2]", [1, 3]), infer("[5]", [1, 1]), infer("[3,1]", [1, 2], model: "other"),
            infer("[[9,0,1],[1,3,0]]", [2, 3]), infer("[]", [0, 3]),
        ])
        #expect(try scores(found[0]) == [0.5])
        #expect(found[1].status == 400)
        #expect(try scores(found[2]) == [0.75])
        #expect(try scores(found[3]) == [0.9, 0.75])
        #expect(try scores(found[4]) == [])
        #expect(model.batches.withLock { $0 } == [3])
    }

    @Test func manyRowsArePredictedInParts() throws {
        let count = 3 * InferenceService.partRowCountMax + 1
        let rows = (0..<count).map { "[\($0),0,1]" }.joined(separator: ",")
        let response = responses([infer("[\(rows)]", [count, 3])])[0]
        #expect(
            try scores(response) == (0..<count).map { max(Double($0), 1) / Double($0 + 1) })
        #expect(model.batches.withLock { $0 } == [1, 64, 64, 64])
    }

    @Test func aModelThatCannotAnswerIsNotTheClientsFault() {
        for rows in [1, 100] {
            let data = "[" + (0..<3 * rows).map { _ in "-1" }.joined(separator: ",") + "]"
            let response = responses([infer(data, [rows, 3])])[0]
            #expect(response.status == 500)
        }
    }

    @Test func bodiesMayBePacked() throws {
        let plain = infer("[1,1,2]", [1, 3])
        func packed(_ bytes: [UInt8], _ encoding: String) -> HTTPResponse {
            responses([
                HTTPRequest(
                    method: "POST", path: plain.path,
                    headers: [.init(name: "content-encoding", value: encoding)], body: bytes)
            ])[0]
        }
        #expect(try scores(packed(gzip(plain.body), "gzip")) == [0.5])
        #expect(try scores(packed(plain.body, "identity")) == [0.5])
        let bare = Array(gzip(plain.body).dropFirst(10).dropLast(8))
        #expect(try scores(packed(bare, "deflate")) == [0.5])
        var (first, second): (UInt32, UInt32) = (1, 0)
        for byte in plain.body {
            first = (first + UInt32(byte)) % 65_521
            second = (second + first) % 65_521
        }
        let wrapped = [0x78, 0x9C] + bare + bigEndian(second << 16 | first)
        #expect(try scores(packed(wrapped, "deflate")) == [0.5])
        #expect(packed([0x78, 0x9C] + bare + [0, 0, 0, 0], "deflate").status == 400)
        #expect(packed(Array(gzip(plain.body).dropLast()), "gzip").status == 400)
        #expect(packed(plain.body, "gzip").status == 400)
        #expect(packed(plain.body, "br").status == 415)
        #expect(packed(gzip([UInt8](repeating: 0, count: 20_000)), "gzip").status == 413)
    }

    @Test func modelsAreReplacedWhileOthersAreAsked() throws {
        #expect(try scores(responses([infer("[1,1,2]", [1, 3])])[0]) == [0.5])
        registry.replace(with: [try StubModel("m", marker: 4)])
        #expect(try scores(responses([infer("[1,1,2]", [1, 3])])[0]) == [0.625])
        #expect(get("/v2/models").text == #"{"models":["m"]}"#)
    }

    @Test func metricsCount() throws {
        _ = responses([infer("[1,1,2]", [1, 3]), infer("[1,1,2]", [1, 3]), infer("[1]", [1, 1])])
        _ = get("/nowhere")
        let text = get("/metrics").text
        for line in [
            #"manyheads_inference_requests_total{model="m",result="success"} 2"#,
            #"manyheads_inference_requests_total{model="m",result="failure"} 1"#,
            #"manyheads_inference_rows_total{model="m"} 2"#,
            #"manyheads_inference_duration_seconds_count{model="m"} 3"#,
            #"manyheads_http_responses_total{code="404"} 1"#, "manyheads_batches_total 1",
            "manyheads_batch_rows_total 2", "manyheads_connections 7",
            #"manyheads_model_loaded{model="other"} 1"#,
        ] {
            #expect(text.contains(line + "\n"), "\(line)\n\(text)")
        }
    }
}
