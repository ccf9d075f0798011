import Formats
import Foundation
import Numerics
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// `coordinator serve`: a run's model answers over HTTP.
    @Suite(.timeLimit(.minutes(5))) struct ServeTests {
        private let files: AnimalFiles

        init() async throws {
            files = try AnimalFiles()
            let run = try await files.run("run", ["--workers", "1", "--l2", "0.01"])
            try #require(run.status == 0, "\(run.standardError)")
        }

        /// A server, and the port that it chose.
        private func serve(
            _ path: String, _ more: [String] = []
        ) async throws -> (process: RunningProcess, port: UInt16) {
            let process = try RunningProcess(
                Lab.coordinator, ["serve", path, "--listen", "127.0.0.1:0"] + more)
            let line = try await process.line(containing: "/v2/models/")
            let port = try #require(line.firstMatch(of: /127\.0\.0\.1:(\d+)\//)?.1)
            return (process, try #require(UInt16(port)))
        }

        /// The first test rows, as a request's data.
        private func body(rows count: Int, _ rest: String = "") throws -> [UInt8] {
            let matrix = try NPY.readMatrix(ByteSource(files.folder.path("test.npy")))
            let data = (0..<count).map { Array(matrix.row($0)).description }
                .joined(separator: ",")
            return Array(
                #"{"inputs":[{"name":"features","shape":[\#(count),12],"datatype":"FP32","data":[\#(data)]}]\#(rest)}"#
                    .utf8)
        }

        private struct Answer: Decodable {
            struct Output: Decodable {
                enum Value: Decodable, Equatable {
                    case text(String)
                    case number(Double)

                    init(from decoder: any Decoder) throws {
                        let container = try decoder.singleValueContainer()
                        if let text = try? container.decode(String.self) {
                            self = .text(text)
                        } else {
                            self = .number(try container.decode(Double.self))
                        }
                    }
                }
                let name: String
                let data: [Value]
            }
            let outputs: [Output]
        }

        /// Label and probabilities of each row, as `predict` prints them.
        private func predicted(_ model: String = "run") async throws -> [[String]] {
            let found = try await TestSupport.run(
                Lab.coordinator,
                [
                    "predict", files.folder.path(model), files.folder.path("test.npy"),
                    "--probabilities",
                ],
                within: .seconds(120))
            try #require(found.status == 0, "\(found.standardError)")
            return found.standardOutput.split(separator: "\n").dropFirst().map {
                $0.split(separator: ",").map { String($0).replacing("\"", with: "") }
            }
        }

        @Test func saysWhatPredictSays() async throws {
            let (process, port) = try await serve(files.folder.path("run"))
            let expected = try await predicted()
            let connection = try #require(RawConnection(port: port))
            // Alone, a few together, and in parts.
            for (start, count) in [(0, 1), (0, 5), (0, 60)] {
                let answer = try #require(
                    connection.ask("POST", "/v2/models/run/infer", body: try body(rows: count)))
                try #require(answer.status == 200, "\(answer.text)")
                let outputs = try JSONDecoder().decode(Answer.self, from: Data(answer.body)).outputs
                #expect(outputs.map(\.name) == ["label", "label_index", "probabilities", "score"])
                for row in start..<count {
                    #expect(outputs[0].data[row] == .text(expected[row][0]))
                    #expect(
                        outputs[2].data[row * 6..<row * 6 + 6].elementsEqual(
                            expected[row][3...].compactMap { Double($0).map { .number($0) } }))
                }
            }
            #expect(connection.ask("GET", "/v2/health/ready")?.text == #"{"ready":true}"#)
            #expect(connection.ask("GET", "/v2/models/run")?.text.contains("\"hen\"") == true)
            #expect(
                connection.ask("GET", "/metrics")?.text.contains(
                    "manyheads_inference_rows_total{model=\"run\"} 66\n") == true)
            process.send(SIGTERM)
            #expect(connection.waitForHangUp())
            #expect(try await process.exitStatus() == 0)
            #expect(process.standardOutput == "")
        }

        @Test func schemesAreChosenByRequest() async throws {
            // Who lets go of the process ends it.
            let (process, port) = try await serve(
                files.folder.path("run/model.safetensors"),
                ["--name", "pets", "--scheme", "all_vs_all"])
            let connection = try #require(RawConnection(port: port))
            func scores(_ rest: String) throws -> String {
                let answer = try #require(
                    connection.ask("POST", "/v2/models/pets/infer", body: try body(rows: 3, rest)))
                return answer.text
            }
            let usual = try scores("")
            #expect(try scores(#","parameters":{"scheme":"all_vs_all"}"#) == usual)
            #expect(try scores(#","parameters":{"scheme":"all_vs_all_coupling"}"#) != usual)
            #expect(try scores(#","parameters":{"scheme":"tree"}"#).contains("has no scheme tree"))
            process.send(SIGTERM)
            #expect(try await process.exitStatus() == 0)
        }

        // Goal: not one request fails while models are read again, and the new model answers then; a
        // file that cannot be read leaves the model as it was.
        @Test func modelsAreReadAgainWithoutALostRequest() async throws {
            let other = try await files.run("other", ["--workers", "1", "--l2", "10"])
            try #require(other.status == 0, "\(other.standardError)")
            let folder = files.folder.path("models")
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            let place = folder + "/pets.safetensors"
            let models = ["run", "other"].map {
                RunDirectory.path(of: .model, in: files.folder.path($0))
            }
            try FileManager.default.copyItem(atPath: models[0], toPath: place)
            let (process, port) = try await serve(folder)
            let request = try body(rows: 1)
            let asking = Task.detached {
                let connection = RawConnection(port: port)
                var answers: [String] = []
                while !Task.isCancelled {
                    let answer = connection?.ask("POST", "/v2/models/pets/infer", body: request)
                    answers.append(answer?.status == 200 ? answer?.text ?? "" : "lost")
                    if answers.last == "lost" { break }
                }
                return answers
            }
            var seen: [String?] = []
            for (number, bytes) in [
                try Data(contentsOf: URL(filePath: models[1])), Data("damaged".utf8),
                try Data(contentsOf: URL(filePath: models[0])),
            ].enumerated() {
                try bytes.write(to: URL(filePath: place), options: .atomic)
                process.send(SIGHUP)
                try await eventually("models are read again", within: .seconds(120)) {
                    process.lines.count { $0.text.contains("again") } > number
                }
                let connection = try #require(RawConnection(port: port))
                seen.append(
                    connection.ask("POST", "/v2/models/pets/infer", body: request)?.text)
            }
            #expect(process.standardError.contains("pets is served as before"))
            asking.cancel()
            let answers = await asking.value
            #expect(!answers.contains("lost"))
            // The other, which stays while its file is damaged, and the first again.
            #expect(seen[0] == seen[1])
            #expect(seen[0] != seen[2])
            #expect(Set(answers).isSubset(of: seen.compactMap(\.self)))
            process.send(SIGINT)
            #expect(try await process.exitStatus() == 0)
        }

        @Test func badArgumentsAreRefused() async throws {
            let folder = files.folder.path("run")
            for (arguments, status, words) in [
                ([folder, "--listen", "8000"], 64, "must look like 127.0.0.1:8000"),
                ([folder, "--listen", "1.2.3:80"], 64, "is no address"),
                ([folder, "--scheme", "tree"], 64, "no heads for --scheme tree"),
                ([folder, "--name", "a/b"], 64, "without a slash"),
                ([folder, "--threads", "0"], 64, "--threads"),
                ([folder, "--max-request", "0"], 64, "--max-request"),
                ([folder + "/nothing"], 65, "there is no"),
                ([files.folder.path("test.npy")], 65, "test.npy"),
                ([folder, "--listen", "192.0.2.1:0"], 69, "cannot listen"),
            ] {
                let outcome = try await TestSupport.run(
                    Lab.coordinator, ["serve"] + arguments, within: .seconds(120))
                #expect(outcome.status == Int32(status), "\(arguments)\n\(outcome.standardError)")
                #expect(outcome.standardError.contains(words), "\(outcome.standardError)")
                #expect(outcome.standardOutput == "")
            }
        }

        /// By curl and, where this Python has them, the clients of Triton and KServe.
        @Test(
            .enabled(
                if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3"),
                "needs python3"))
        func clientsOfOthersAreAnswered() async throws {
            let (process, port) = try await serve(files.folder.path("run"))
            let outcome = try await TestSupport.run(
                packageRoot.appending(path: "Scripts/check-serving"),
                ["http://127.0.0.1:\(port)", "run"], within: .seconds(120))
            #expect(outcome.status == 0, "\(outcome.standardError)")
            #expect(outcome.standardOutput.contains("urllib: ok"))
            print(outcome.standardOutput)
            let bench = try await TestSupport.run(
                Lab.bench,
                ["serve", "--port", "\(port)", "--model", "run", "--seconds", "0.2", "--json"],
                within: .seconds(120))
            #expect(bench.status == 0, "\(bench.standardError)")
            #expect(bench.standardOutput.contains("\"p50_microseconds\""))
            process.send(SIGTERM)
            #expect(try await process.exitStatus() == 0)
        }
    }
}
