import Display
import Glibc
import HTTP
import InferenceProtocol
import Numerics
import Serving
import Sessions
package import System

/// `coordinator serve`: models answer over HTTP until a signal ends that.
package struct ServeProgram: Sendable {
    private let options: ServeOptions
    private let folder: ModelFolder
    private let registry = ModelRegistry()
    private let console = Console(minimum: .info, showsProgress: false)

    /// A program of these options.
    ///
    /// - Throws: `usage` or `data` with one sentence.
    package init(_ options: ServeOptions) throws(RunError) {
        self.options = options
        folder = try ModelFolder(options.path, name: options.name)
    }

    /// Serves until a signal, then lets requests in flight have their answers.
    ///
    /// SIGHUP reads the models again, while requests are answered.
    ///
    /// - Throws: `data` for models that cannot be read, `unavailable` for an address that cannot be
    ///   listened at.
    package func run() async throws(RunError) {
        // Before anything else: no signal is lost while models are read.
        let ends = try SignalWatcher(TerminationSignal.ending(withHangUp: false)) {
            _exit($0.exitStatus)
        }
        defer { ends.stop(restoresDefaults: false) }
        let hangUps = try SignalWatcher([.hangUp])
        defer { hangUps.stop(restoresDefaults: false) }
        registry.replace(with: try loadFirst())
        try SystemLimit.checkDescriptors(options.connectionCount)
        let listener = try TCPListener(options.endpoint)
        var limits = HTTPLimits()
        limits.bodyByteCountMax = options.requestMegabytes << 20
        limits.totalByteCountMax = max(limits.totalByteCountMax, limits.bodyByteCountMax)
        limits.connectionCountMax = options.connectionCount
        let server = try HTTPServer(
            listener, limits: limits, threadCount: options.threadCount)
        let metrics = ServingMetrics { server.connectionCount }
        let service = InferenceService(
            registry, version: Release.version, metrics: metrics,
            bodyByteCountMax: limits.bodyByteCountMax)
        announce(listener.endpoint)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await server.run(service) }
            group.addTask {
                for await _ in ends.signals {
                    console.log(.info, "ending: requests in flight are answered first")
                    server.stop()
                }
            }
            group.addTask {
                for await _ in hangUps.signals { metrics.countReload(succeeded: reload()) }
            }
            // The server is the first to end.
            await group.next()
            ends.stop(restoresDefaults: false)
            hangUps.stop(restoresDefaults: false)
        }
    }

    private func announce(_ endpoint: TCPEndpoint) {
        if !endpoint.isLoopback {
            console.log(
                .warning,
                "--listen \(options.endpoint.host) is reached from other machines, and nothing is encrypted or asks who they are"
            )
        }
        let address = endpoint.fromHere.description.dropFirst("tcp://".count)
        let names = registry.names
        let shown = names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", ..." : "")
        console.log(
            .info,
            "serving \(names.count.counted("model")) (\(shown)) at http://\(address)\(InferenceRoute.path(ofModel: names[0]))"
        )
    }

    /// The models at the start: of several, those that can be read.
    private func loadFirst() throws(RunError) -> [PredictedModel] {
        var models: [PredictedModel] = []
        for entry in try folder.entries() {
            do throws(RunError) {
                models.append(try load(entry))
            } catch {
                guard folder.isMany else { throw error }
                console.log(.error, "\(entry.name) is not served: \(error.message)")
            }
        }
        guard !models.isEmpty else {
            throw RunError(.data, "no model in \(options.path) can be read")
        }
        return models
    }

    private func load(_ entry: ModelFolder.Entry) throws(RunError) -> PredictedModel {
        try PredictedModel(entry, scheme: options.scheme, threadCount: options.threadCount)
    }

    /// Reads the models again; one that cannot be read stays as it was.
    ///
    /// - Returns: whether all could be read.
    private func reload() -> Bool {
        var isComplete = true
        var models: [any ServedModel] = []
        do throws(RunError) {
            for entry in try folder.entries() {
                do throws(RunError) {
                    models.append(try load(entry))
                } catch {
                    isComplete = false
                    let former = try? registry.model(entry.name)
                    if let former { models.append(former) }
                    console.log(
                        .error,
                        "\(error.message); \(former == nil ? "\(entry.name) is not served" : "\(entry.name) is served as before")"
                    )
                }
            }
        } catch {
            console.log(.error, "\(error.message); all models are served as before")
            return false
        }
        registry.replace(with: models)
        console.log(.info, "read \(models.count.counted("model")) again")
        return isComplete
    }
}
