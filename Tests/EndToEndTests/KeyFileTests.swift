import Foundation
import RunFolder
import TestSupport
import Testing
import ZeroMQ

extension EndToEndTests {
    /// `coordinator keygen`, and key files that cannot be used.
    @Suite(.timeLimit(.minutes(4))) struct KeyFileTests {
        private func mode(_ path: String) throws -> Int {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            return try #require(attributes[.posixPermissions] as? Int)
        }

        private func keygen(_ arguments: String...) async throws -> (status: Int32, said: String) {
            let outcome = try await run(Lab.coordinator, ["keygen"] + arguments)
            #expect((outcome.standardOutput == "") == (outcome.status != 0))
            return (outcome.status, outcome.standardError + outcome.standardOutput)
        }

        @Test func makesPairsThatOnlyTheirOwnerReads() async throws {
            let folder = try TemporaryDirectory()
            let keys = folder.path("new/keys")
            let made = try await keygen(keys, "--workers", "2", "--name", "node-7")
            #expect(made.status == 0, "\(made.said)")
            let names = ["node-7", "server", "worker-1", "worker-2"]
            let found = try FileManager.default.contentsOfDirectory(atPath: keys).sorted()
            #expect(found == names.flatMap { ["\($0).key", "\($0).key_secret"] })
            #expect(try mode(keys) == 0o700)
            var publics: Set<CurvePublicKey> = []
            for name in names {
                for file in ["\(name).key", "\(name).key_secret"] {
                    #expect(try mode(keys + "/" + file) == 0o600)
                }
                let pair = try KeyFile.readPair("\(keys)/\(name).key_secret")
                #expect(try KeyFile.readPublic("\(keys)/\(name).key") == pair.publicKey)
                publics.insert(pair.publicKey)
                #expect(!made.said.contains(pair.secretKey.z85))
                #expect(made.said.contains("\(name)  fingerprint "))
            }
            #expect(publics.count == 4)
        }

        @Test func neverOverwrites() async throws {
            let folder = try TemporaryDirectory()
            let keys = folder.path("keys")
            #expect(try await keygen(keys).status == 0)
            let files = ["server.key", "server.key_secret", "worker.key", "worker.key_secret"]
            let before = try files.map { try bytes(of: keys + "/" + $0) }
            let again = try await keygen(keys)
            #expect(again.status == 73)
            #expect(again.said.contains("worker.key_secret is there already"))
            // One name that is taken: nothing is made for the others either.
            let half = try await keygen(keys, "--name", "other", "--name", "worker")
            #expect(half.status == 73)
            #expect(try await keygen(keys, "--name", "other").status == 0)
            #expect(try files.map { try bytes(of: keys + "/" + $0) } == before)
            let found = try FileManager.default.contentsOfDirectory(atPath: keys).sorted()
            #expect(found == (["other.key", "other.key_secret"] + files))
            // Cut short between the two files of a pair: the second is made from the first.
            try FileManager.default.removeItem(atPath: keys + "/other.key")
            #expect(try await keygen(keys, "--name", "other").status == 0)
            #expect(
                try KeyFile.readPublic(keys + "/other.key")
                    == KeyFile.readPair(keys + "/other.key_secret").publicKey)
            try FileManager.default.removeItem(atPath: keys + "/other.key_secret")
            let lost = try await keygen(keys, "--name", "other")
            #expect(lost.status == 73)
            #expect(lost.said.contains("without its secret half"))
        }

        @Test func refusesWhatItCannotDo() async throws {
            let folder = try TemporaryDirectory()
            let keys = folder.path("keys")
            for arguments in [
                ["--workers", "-1"], ["--workers", "many"], ["--name", "../up"], ["--name", ""],
                ["--name", "server"], ["--name", "a", "--name", "a"],
                ["--workers", "1", "--name", "worker-1"], ["--name", ".hidden"],
            ] {
                let outcome = try await run(Lab.coordinator, ["keygen", keys] + arguments)
                #expect(outcome.status == 64, "\(arguments)")
            }
            #expect(try await keygen("").status == 64)
            #expect(!FileManager.default.fileExists(atPath: keys))
            let file = try folder.write("x", to: "file")
            #expect(try await keygen(file).status == 73)
            #expect(try await keygen("/proc/nowhere").status == 73)
            try FileManager.default.createDirectory(
                atPath: keys, withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o777])
            unsafe chmod(keys, 0o777)
            let open = try await keygen(keys)
            #expect(open.status == 73)
            #expect(open.said.contains("chmod 700"))
        }

        /// Runs a program that must refuse, and returns what it says.
        private func refusal(
            _ program: URL, _ arguments: [String], status: Int32,
            sourceLocation: SourceLocation = #_sourceLocation
        ) async throws -> String {
            let outcome = try await run(program, arguments)
            #expect(
                outcome.status == status, "\(outcome.standardError)",
                sourceLocation: sourceLocation)
            #expect(outcome.standardOutput == "", sourceLocation: sourceLocation)
            return outcome.standardError
        }

        @Test func badKeyFilesAreDataErrorsOfBothPrograms() async throws {
            let keys = try await Keys(["w"], listed: ["w"])
            let secret = keys.path("w.key_secret")
            let server = keys.path("server.key_secret")
            let short = try keys.folder.write("secret-key = \"abc\"\n", to: "short")
            let noise = try keys.folder.write("hello\n", to: "noise")
            let shared = try keys.folder.write(
                String(decoding: try bytes(of: secret), as: UTF8.self), to: "shared")
            for path in [short, noise] { unsafe chmod(path, 0o600) }
            unsafe chmod(shared, 0o644)
            let cases = [
                (keys.path("none"), "cannot read "),
                (keys.path(""), "cannot read "), (short, "not 40 characters"),
                (noise, "is no key file"), (keys.path("w.key"), "holds a public key only"),
                (shared, "chmod 600"),
            ]
            for (path, complaint) in cases {
                let told = try await refusal(
                    Lab.coordinator, ["run", "--key", path, "--allow", keys.list], status: 65)
                #expect(told.contains(complaint), "\(told)")
                let worker = try await refusal(
                    Lab.worker,
                    [
                        "--connect", "tcp://127.0.0.1:1", "--key", path, "--server-key",
                        keys.path("server.key"),
                    ], status: 65)
                #expect(worker.contains(complaint), "\(worker)")
                for text in [told, worker] {
                    #expect(text.split(separator: "\n").count == 1)
                    try keys.expectAbsent(from: Array(text.utf8), "the refusal")
                }
            }
            let swapped = try await refusal(
                Lab.worker,
                ["--connect", "tcp://127.0.0.1:1", "--key", secret, "--server-key", server],
                status: 65)
            #expect(swapped.contains("holds a secret key"))
        }

        @Test func badListsAreDataErrors() async throws {
            let keys = try await Keys(["w"], listed: ["w"])
            let server = keys.path("server.key_secret")
            // A secret key where a public one belongs must not be shown.
            let secret = String(decoding: try bytes(of: keys.path("w.key_secret")), as: UTF8.self)
            let pair = try keys.pair("w")
            for (text, complaint) in [
                (secret, "list, line 2: a line is a public key"),
                ("# none\n\nabc\n", "list, line 3: a line is a public key"),
                (pair.publicKey.z85 + "x\n", "list, line 1: a line is a public key"),
            ] {
                let list = try keys.folder.write(text, to: "list")
                let told = try await refusal(
                    Lab.coordinator, ["run", "--key", server, "--allow", list], status: 65)
                #expect(told.contains(complaint), "\(told)")
                try keys.expectAbsent(from: Array(told.utf8), "the refusal")
            }
            let none = try await refusal(
                Lab.coordinator, ["run", "--key", server, "--allow", keys.folder.path("none")],
                status: 65)
            #expect(none.contains("cannot read"))
        }

        @Test func optionsThatGoTogetherAreAskedForTogether() async throws {
            let keys = try await Keys(["w"], listed: ["w"])
            for options in [["--key", keys.path("server.key_secret")], ["--allow", keys.list]] {
                for command in ["run", "benchmark"] {
                    let told = try await refusal(Lab.coordinator, [command] + options, status: 64)
                    #expect(told.contains("--key and --allow go together"))
                }
            }
            for options in [
                ["--key", keys.path("w.key_secret")], ["--server-key", keys.path("server.key")],
            ] {
                let told = try await refusal(
                    Lab.worker, ["--connect", "tcp://127.0.0.1:1"] + options, status: 64)
                #expect(told.contains("--key and --server-key go together"))
            }
            let empty = try await refusal(
                Lab.worker, ["--connect", "tcp://127.0.0.1:1", "--keys-from-stdin"], status: 65)
            #expect(empty.contains("standard input does not begin with two lines of keys"))
        }

        @Test func withKeysItMayListenEverywhere() async throws {
            let keys = try await Keys([], listed: [])
            let folder = try TemporaryDirectory()
            let reference = try await Lab.reference
            var job = reference.job
            job.bind = "tcp://0.0.0.0:0"
            let results = try await job.results(
                in: folder.path("run"), keys.coordinatorOptions + ["--workers", "1"])
            #expect(results.digests == reference.results.digests)
        }
    }
}
