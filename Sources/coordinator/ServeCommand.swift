import ArgumentParser
import Programs
import System

/// `coordinator serve`: models answer over HTTP.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Answers requests for predictions over HTTP (Open Inference Protocol v2).",
        discussion: """
            Input of a model: features [rows, features], or images. Outputs: label, label_index, \
            probabilities, score. JSON and binary tensors, as tritonclient and kserve send them. \
            /metrics is for Prometheus. SIGHUP reads the models again without a request lost; \
            SIGTERM and Ctrl-C end when requests in flight are answered.

            Example: coordinator serve runs/RUN --listen 127.0.0.1:8000
              curl -d '{"inputs": [{"name": "features", "shape": [1, 3], "datatype": "FP32", \
            "data": [0.5, 1, 2]}]}' http://127.0.0.1:8000/v2/models/RUN/infer
            """)

    @Argument(
        help: ArgumentHelp(
            "A run's folder, a model.safetensors, or a folder with several of these.",
            valueName: "model"))
    var path: String

    @Option(help: "Address and port to listen at; port 0 picks a free one and prints it.")
    var listen = "127.0.0.1:8000"

    @Option(help: "Name of a single model (default: its folder's, or the file's).")
    var name: String?

    @Option(
        help: ArgumentHelp(
            "Scheme of requests that name none (default: each model's own choice).",
            valueName: "scheme"))
    var scheme: String?

    @Option(help: "Threads that answer (default: all cores).")
    var threads: Int?

    @Option(help: "MiB that a request may have.")
    var maxRequest = 64

    @Option(help: "Connections at one time.")
    var maxConnections = 1_024

    func run() async throws {
        try await reporting { () throws(RunError) in
            var options = try ServeOptions(
                path: path, listen: listen, scheme: scheme,
                threadCount: threads ?? Processor.availableCoreCount)
            options.name = name
            options.requestMegabytes = maxRequest
            options.connectionCount = maxConnections
            try options.validate()
            try await ServeProgram(options).run()
        }
    }
}
