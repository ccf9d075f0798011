import ArgumentParser
import Foundation
import Numerics
import System

/// `bench serve`: requests to a server of models on this machine, over kept connections.
struct ServeBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Times requests to a coordinator serve on this machine.",
        discussion: """
            Each connection asks, waits for the answer, and asks again. The input is drawn by a seed, \
            its shape is what the server says. The first second is not counted.

            Example: coordinator serve runs/RUN --listen 127.0.0.1:8000
              bench serve --port 8000 --model RUN --connections 8 --json
            """)

    @Flag(help: "Print JSON instead of a line.")
    var json = false

    @Option(help: "The server's port, on 127.0.0.1.")
    var port: UInt16 = 8_000

    @Option(help: "The model's name.")
    var model: String

    @Option(help: "Connections, each on a thread of its own.")
    var connections = 1

    @Option(help: "Rows of a request.")
    var rows = 1

    @Option(help: "Seconds that count.")
    var seconds = 5.0

    @Option(help: "The output to ask for (default: all).")
    var output: String?

    @Option(help: "The scheme to ask for (default: the server's).")
    var scheme: String?

    @Flag(help: "Send and get tensors as JSON instead of binary.")
    var text = false

    func validate() throws {
        guard (1...1_000).contains(connections), (1...100_000).contains(rows),
            (0.01...3_600).contains(seconds)
        else {
            throw ValidationError(
                "--connections is from 1 to 1000, --rows from 1 to 100000, --seconds above 0")
        }
    }

    func run() async throws {
        try await Output.failing {
            let request = try ServeRequest(
                port: port, model: model, rowCount: rows, output: output, scheme: scheme,
                isText: text)
            let threads = try (0..<connections).map { (index) throws(RunError) in
                try ThreadExecutor(name: "client-\(index)")
            }
            let (warmUp, counted) = (min(1, seconds), seconds)
            let times = try await withThrowingTaskGroup(of: [Double].self) { group in
                for thread in threads {
                    group.addTask {
                        try await thread.run {
                            try request.times(warmUp: warmUp, seconds: counted)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }.sorted()
            try Output.print(
                ServeResult(self, times, requestByteCount: request.byteCount), asJSON: json)
        }
    }
}

/// A request that is sent again and again.
private struct ServeRequest: Sendable {
    private let port: UInt16
    private let bytes: [UInt8]

    var byteCount: Int { bytes.count }

    /// Asks the server what the model's input is, and draws one.
    init(
        port: UInt16, model: String, rowCount: Int, output: String?, scheme: String?, isText: Bool
    ) throws {
        self.port = port
        let name = model.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? model
        let connection = try HTTPExchange(port: port)
        let answer = try connection.ask(
            Self.head("GET", "/v2/models/\(name)", port, nil, byteCount: 0))
        guard answer.status == 200,
            let metadata = try? JSONDecoder().decode(Metadata.self, from: Data(answer.body)),
            let input = metadata.inputs.first
        else {
            throw RunError(
                .unavailable,
                "the server does not know the model: \(String(decoding: answer.body, as: UTF8.self))"
            )
        }
        let shape = [rowCount] + input.shape.dropFirst()
        let count = shape.reduce(1, *)
        let isImage = input.datatype == "UINT8"
        let values = (0..<count).map { index in
            let word = Philox.block(seed: 0, UInt32(truncatingIfNeeded: index), 0, 0, 0)[0]
            return isImage ? Float(word & 255) : Philox.uniform(word)
        }
        let binary = isText ? [] : Self.bytes(values, isImage)
        let data =
            isText ? "\"data\":\(values)" : "\"parameters\":{\"binary_data_size\":\(binary.count)}"
        var parameters = isText ? [] : ["\"binary_data_output\":true"]
        if let scheme { parameters.append("\"scheme\":\"\(scheme)\"") }
        let outputs = output.map { ",\"outputs\":[{\"name\":\"\($0)\"}]" } ?? ""
        let json = Array(
            "{\"inputs\":[{\"name\":\"\(input.name)\",\"shape\":\(shape),\"datatype\":\"\(input.datatype)\",\(data)}]\(outputs),\"parameters\":{\(parameters.joined(separator: ","))}}"
                .utf8)
        bytes =
            Self.head(
                "POST", "/v2/models/\(name)/infer", port, isText ? nil : json.count,
                byteCount: json.count + binary.count) + json + binary
    }

    private struct Metadata: Decodable {
        struct Input: Decodable {
            let name: String
            let datatype: String
            let shape: [Int]
        }
        let inputs: [Input]
    }

    private static func head(
        _ method: String, _ path: String, _ port: UInt16, _ jsonByteCount: Int?, byteCount: Int
    ) -> [UInt8] {
        let binary = jsonByteCount.map { "Inference-Header-Content-Length: \($0)\r\n" } ?? ""
        return Array(
            "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\(binary)Content-Length: \(byteCount)\r\n\r\n"
                .utf8)
    }

    private static func bytes(_ values: [Float], _ isImage: Bool) -> [UInt8] {
        if isImage { return values.map { UInt8($0) } }
        return values.flatMap { value in
            (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
        }
    }

    /// Seconds of each request over one connection.
    func times(warmUp: Double, seconds: Double) throws -> [Double] {
        let connection = try HTTPExchange(port: port)
        let start = ContinuousClock.now
        let first = start + .seconds(warmUp)
        let end = first + .seconds(seconds)
        var times: [Double] = []
        while true {
            let before = ContinuousClock.now
            if before >= end { return times }
            let answer = try connection.ask(bytes)
            guard answer.status == 200 else {
                throw RunError(
                    .data, "the server answers: \(String(decoding: answer.body, as: UTF8.self))")
            }
            if before >= first {
                times.append((ContinuousClock.now - before) / .seconds(1))
            }
        }
    }
}

/// One kept connection to an HTTP server of this machine.
private struct HTTPExchange {
    private let socket: StreamSocket

    init(port: UInt16) throws {
        socket = try StreamSocket.connected(toPort: port)
        socket.sendAtOnce()
    }

    /// Sends a request and reads the answer, whose length must be known.
    func ask(_ request: [UInt8]) throws -> (status: Int, body: ArraySlice<UInt8>) {
        try socket.send(request, blockByteCount: request.count)
        var bytes: [UInt8] = []
        var head: (status: Int, end: Int, length: Int)?
        while true {
            bytes += try socket.receiveSome()
            if head == nil, let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) {
                head = try Self.head(bytes[..<end.lowerBound], end: end.upperBound)
            }
            if let head, bytes.count >= head.end + head.length {
                return (head.status, bytes[head.end...])
            }
        }
    }

    private static func head(
        _ bytes: ArraySlice<UInt8>, end: Int
    ) throws -> (status: Int, end: Int, length: Int) {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        let length = lines.first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst("content-length:".count).drop { $0 == " " }) }
        guard words.count >= 2, let status = Int(words[1]), let length else {
            throw RunError(.data, "the server's answer is not of HTTP/1.1")
        }
        return (status, end, length)
    }
}

/// What was measured; keys as in `--json`.
private struct ServeResult: Encodable, CustomStringConvertible {
    let model: String
    let connections: Int
    let rowsPerRequest: Int
    let requestBytes: Int
    let requests: Int
    let rowsPerSecond: Double
    let p50Microseconds: Double
    let p90Microseconds: Double
    let p99Microseconds: Double
    let p999Microseconds: Double
    let slowestMicroseconds: Double

    init(_ bench: ServeBench, _ sorted: [Double], requestByteCount: Int) throws {
        guard let slowest = sorted.last else {
            throw RunError(.data, "no request was answered in \(bench.seconds) seconds")
        }
        func percentile(_ share: Double) -> Double {
            sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))] * 1e6
        }
        model = bench.model
        connections = bench.connections
        rowsPerRequest = bench.rows
        requestBytes = requestByteCount
        requests = sorted.count
        rowsPerSecond = Double(sorted.count * bench.rows) / bench.seconds
        p50Microseconds = percentile(0.5)
        p90Microseconds = percentile(0.9)
        p99Microseconds = percentile(0.99)
        p999Microseconds = percentile(0.999)
        slowestMicroseconds = slowest * 1e6
    }

    var description: String {
        String(
            format:
                "%@, %@ of %@, %.0f rows/s: p50 %.0f us, p90 %.0f, p99 %.0f, p99.9 %.0f, slowest %.0f",
            connections.counted("connection"), requests.counted("request"),
            rowsPerRequest.counted("row"), rowsPerSecond, p50Microseconds, p90Microseconds,
            p99Microseconds, p999Microseconds, slowestMicroseconds)
    }
}
