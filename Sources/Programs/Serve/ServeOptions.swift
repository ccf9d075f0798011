package import Decoding
package import System

/// What `coordinator serve` is told.
package struct ServeOptions: Sendable {
    /// A model.safetensors, a run's folder, or a folder with several of either.
    package var path: String
    /// Where to listen.
    package var endpoint: TCPEndpoint
    /// The name of a single model; nil takes its folder's or file's.
    package var name: String?
    /// The scheme of requests that name none; nil takes each model's own choice.
    package var scheme: Scheme?
    /// Threads that answer.
    package var threadCount: Int
    /// MiB that a request may have.
    package var requestMegabytes = 64
    /// Connections at one time.
    package var connectionCount = 1_024

    /// Checked options.
    ///
    /// - Parameter listen: as in `127.0.0.1:8000`.
    /// - Throws: `usage` with one sentence.
    package init(path: String, listen: String, threadCount: Int) throws(RunError) {
        guard (1...4_096).contains(threadCount) else {
            throw .usage("--threads must be 1 to 4,096, not \(threadCount)")
        }
        guard let endpoint = TCPEndpoint("tcp://" + listen) else {
            throw .usage("--listen must look like 127.0.0.1:8000, not '\(listen)'")
        }
        self.endpoint = try TCPEndpoint(
            endpoint.description, option: "--listen", example: "127.0.0.1:8000")
        self.path = path
        self.threadCount = threadCount
    }

    /// Checks the name and the limits.
    ///
    /// - Throws: `usage` with one sentence.
    package func validate() throws(RunError) {
        // What a URL's path has between slashes; the last two mean folders there.
        if let name, name.contains("/") || ["", ".", ".."].contains(name) {
            throw .usage(
                "--name is part of URLs: not empty, without a slash, and neither . nor .., not '\(name)'"
            )
        }
        guard (1...4_096).contains(requestMegabytes) else {
            throw .usage("--max-request must be from 1 to 4096 (MiB)")
        }
        guard (1...50_000).contains(connectionCount) else {
            throw .usage("--max-connections must be from 1 to 50000")
        }
    }
}
