import CoordinatorNetwork
import Formats
import Glibc
package import System
import ZeroMQ

/// `coordinator keygen`: key files in a folder, complete or not at all, and never overwritten.
package struct KeyGeneration {
    private static let serverName = "server"
    private static let workerCountMax = 4_096

    private let folder: String
    private let names: [String]

    /// Keys for workers of these names, or `worker-1` and so on, or one `worker`.
    ///
    /// - Throws: `usage` with one sentence.
    package init(folder: String, workerCount: Int?, names: [String]) throws(RunError) {
        guard !folder.isEmpty else { throw .usage("which folder? Its name is empty") }
        if let workerCount {
            guard (0...Self.workerCountMax).contains(workerCount) else {
                throw .usage("--workers must be 0 to 4,096, not \(workerCount)")
            }
        }
        for name in names {
            guard name.wholeMatch(of: /[A-Za-z0-9_][A-Za-z0-9_.\-]{0,63}/) != nil else {
                throw .usage(
                    "--name must be letters, digits, dots, dashes and underscores, 64 at most, not '\(name)'"
                )
            }
            guard name != Self.serverName else {
                throw .usage("--name \(name) is the coordinator's own; name the worker otherwise")
            }
        }
        let numbered = (0..<(workerCount ?? 0)).map { "worker-\($0 + 1)" }
        let all = numbered + names
        guard Set(all).count == all.count else { throw .usage("a worker's name is given twice") }
        self.folder = folder
        self.names = all.isEmpty && workerCount == nil ? ["worker"] : all
    }

    /// Makes the missing keys and prints their paths and fingerprints.
    ///
    /// - Throws: `cannotWrite` if a worker of one of the names has a key already, before anything is
    ///   written, or the folder cannot be written; `data` if the server's key that is there cannot
    ///   be used; `unavailable` if libzmq cannot encrypt.
    package func run() throws(RunError) {
        // First of all: without CURVE there is nothing to make.
        _ = try Self.reporting { try CurveKeyPair.generate() }
        try makeFolder()
        // All checks come before the first file.
        var found: [(name: String, pair: CurveKeyPair?)] = []
        for name in [Self.serverName] + names { found.append((name, try existing(name))) }
        var lines: [String] = []
        for (name, pair) in found {
            let pair = if let pair { try completed(pair, name) } else { try make(name) }
            lines.append(describe(name, pair))
        }
        try StandardStream.output(lines.joined(separator: "\n") + "\n")
    }

    /// The pair of that name, if it is there: the server's own, or one whose public file is still to
    /// be made because the last time was cut short.
    private func existing(_ name: String) throws(RunError) -> CurveKeyPair? {
        let (secret, open) = paths(name)
        switch (FileSystem.exists(secret), FileSystem.exists(open)) {
        case (false, false):
            return nil
        case (false, true):
            throw RunError(
                .cannotWrite,
                "\(open) is there without its secret half, and nothing is overwritten; move it away"
            )
        case (true, true) where name != Self.serverName:
            throw RunError(
                .cannotWrite,
                "\(secret) is there already, and nothing is overwritten; choose another --name")
        case (true, let isWhole):
            return try Self.reporting {
                let pair = try KeyFile.readPair(secret)
                if isWhole, try KeyFile.readPublic(open) != pair.publicKey {
                    throw ZeroMQError.badKey("\(open) does not belong to \(secret); move both away")
                }
                return pair
            }
        }
    }

    private func completed(_ pair: CurveKeyPair, _ name: String) throws(RunError) -> CurveKeyPair {
        let (_, open) = paths(name)
        if !FileSystem.exists(open) {
            try write(KeyFile.text(pair.publicKey, name: name), to: open)
        }
        return pair
    }

    private func make(_ name: String) throws(RunError) -> CurveKeyPair {
        let pair = try Self.reporting { try CurveKeyPair.generate() }
        let (secret, open) = paths(name)
        // In this order: of a secret key the public one can be made again.
        try write(KeyFile.text(pair, name: name), to: secret)
        try write(KeyFile.text(pair.publicKey, name: name), to: open)
        return pair
    }

    private func describe(_ name: String, _ pair: CurveKeyPair) -> String {
        let (secret, open) = paths(name)
        return
            "\(name)  fingerprint \(Admission.fingerprint(of: pair.publicKey))  \(open)  \(secret)"
    }

    private func paths(_ name: String) -> (secret: String, open: String) {
        let path = "\(folder)/\(name)"
        return (path + KeyFile.secretSuffix, path + KeyFile.publicSuffix)
    }

    private func makeFolder() throws(RunError) {
        if let parent = folder.split(separator: "/").last.map({ folder[..<$0.startIndex] }),
            !parent.isEmpty
        {
            try Self.reporting { try FileSystem.makeFolder(String(parent)) }
        }
        if unsafe mkdir(folder, 0o700) != 0 && errno != EEXIST {
            throw CoordinatorProgram.runError(FormatError.cannotWrite(folder, errno: errno))
        }
        var status = stat()
        guard unsafe stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw RunError(.cannotWrite, "cannot make \(folder): it is not a folder")
        }
        guard status.st_mode & 0o022 == 0 else {
            throw RunError(
                .cannotWrite,
                "others may write to \(folder), and so replace keys; say: chmod 700 \(folder)")
        }
    }

    /// Writes a file that only its owner may read, unless there is one.
    private func write(_ text: String, to path: String) throws(RunError) {
        try Self.reporting {
            try AtomicFile.write(to: path, permissions: 0o600, replaces: false) {
                (output) throws(FormatError) in try output.append(Array(text.utf8))
            }
        }
    }

    private static func reporting<Result>(
        _ body: () throws -> Result
    ) throws(RunError) -> Result {
        do { return try body() } catch { throw CoordinatorProgram.runError(error) }
    }
}
