import Foundation
import ImageData
import Testing

private let script = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Scripts/fetch-data").path
private let systemFolder = "/usr/share/datasets/fashion-mnist"

private func hasTool(_ name: String) -> Bool {
    ["/usr/bin/", "/bin/"].contains { FileManager.default.isExecutableFile(atPath: $0 + name) }
}

private let canFetch =
    hasTool("curl") && FileManager.default.fileExists(atPath: systemFolder)

/// `Scripts/fetch-data` against a mirror that is a folder here: curl resumes `file:` addresses too.
@Suite(.serialized, .timeLimit(.minutes(5))) struct FetchDataTests {
    static let images = "train-images-idx3-ubyte.gz"
    static let smallLabels = "t10k-labels-idx1-ubyte.gz"

    /// Runs a program and returns its status, standard output and standard error.
    func run(
        _ arguments: [String], mirror: String = "/nowhere"
    ) throws -> (status: Int32, output: String, log: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        // Nothing else would end it: a time limit does not reach a thread that waits.
        process.arguments = ["timeout", "120"] + arguments
        var environment = ProcessInfo.processInfo.environment
        environment["MANYHEADS_MIRROR"] = "file://" + mirror
        process.environment = environment
        // Files, not pipes: neither stream can fill up and stop the program.
        let folder = try TemporaryFolder()
        let output = try folder.write("output", [])
        let log = try folder.write("log", [])
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: log)
        try process.run()
        process.waitUntilExit()
        return (
            process.terminationStatus, try String(contentsOfFile: output, encoding: .utf8),
            try String(contentsOfFile: log, encoding: .utf8)
        )
    }

    /// A mirror of Fashion-MNIST.
    func mirror() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(
            atPath: systemFolder, toPath: folder.path + "/fashion-mnist")
        return folder
    }

    func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    @Test(.enabled(if: canFetch, "needs curl and dataset-fashion-mnist"))
    func fetchesSkipsAndResumes() throws {
        let mirror = try mirror()
        let target = try TemporaryFolder()
        let fetch = [script, target.path, "fashion-mnist"]
        let first = try run(fetch, mirror: mirror.path)
        #expect(first.status == 0, "\(first.log)")
        #expect(first.output == target.path + "/fashion-mnist\n")
        let request = DatasetRequest(.fashionMNIST, dataDirectory: target.path)
        #expect(try Dataset.load(request).train.count == 60_000)

        let second = try run(fetch)
        #expect(second.status == 0, "\(second.log)")
        #expect(second.log.components(separatedBy: "is right already").count == 5)

        // An interrupted download is continued; a part that does not belong to the file is thrown away
        // and fetched again.
        let whole = try bytes(systemFolder + "/" + Self.images)
        let half = Array(whole[..<(whole.count / 2)])
        // Padding with zeros is no damage: gzip and our reader pass over it.
        for (part, log, expected) in [
            (half, "going on with", whole),
            (half.map { ~$0 }, "does not have the pinned SHA-256", whole),
            (whole + [0, 0], "", whole + [0, 0]),
        ] {
            try target.remove("fashion-mnist/" + Self.images)
            try target.write("fashion-mnist/\(Self.images).part", part)
            let again = try run(fetch, mirror: mirror.path)
            #expect(again.status == 0, "\(again.log)")
            #expect(log.isEmpty || again.log.contains(log), "\(again.log)")
            #expect(try bytes(target.path + "/fashion-mnist/" + Self.images) == expected)
        }
    }

    @Test(.enabled(if: canFetch, "needs curl and dataset-fashion-mnist"))
    func putsNothingDamagedInPlace() throws {
        let mirror = try mirror()
        var damaged = try bytes(systemFolder + "/" + Self.smallLabels)
        damaged[2000] ^= 1
        try mirror.write("fashion-mnist/" + Self.smallLabels, damaged)
        let target = try TemporaryFolder()
        let result = try run([script, target.path, "fashion-mnist"], mirror: mirror.path)
        #expect(result.status == 65)
        #expect(result.log.contains("no home of \(Self.smallLabels) has the pinned contents"))
        let files = try FileManager.default.contentsOfDirectory(
            atPath: target.path + "/fashion-mnist")
        #expect(files.count == 3)
        #expect(files.allSatisfy { !$0.hasPrefix(Self.smallLabels) })
    }

    @Test(.enabled(if: hasTool("curl"), "needs curl"))
    func saysWhatIsWrong() throws {
        let target = try TemporaryFolder()
        let unreachable = try run([script, target.path, "mnist"])
        #expect(unreachable.status == 69)
        #expect(unreachable.log.contains("run this again"))
        #expect(try run([script]).status == 64)
        #expect(try run([script, "--wrong"]).status == 64)
        let unknown = try run([script, target.path, "cifar100"])
        #expect(unknown.status == 64)
        #expect(unknown.log.contains("unknown data set 'cifar100'"))
        #expect(try run([script, "/proc/nowhere", "mnist"]).status == 73)
        let help = try run([script, "--help"])
        #expect(help.status == 0)
        #expect(help.output.contains("Example:"))
    }

    @Test(.enabled(if: hasTool("shellcheck"), "needs shellcheck"))
    func isClean() throws {
        let result = try run(["shellcheck", script])
        #expect(result.status == 0, "\(result.output)")
    }
}
