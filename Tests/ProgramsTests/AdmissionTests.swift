import CoordinatorNetwork
import Foundation
import Programs
import System
import TestSupport
import Testing
import ZeroMQ

/// Who may join: the list, where one must listen with keys, and a worker that is shut out.
@Suite struct AdmissionTests {
    @Test func aListHasAKeyALineAndComments() throws {
        let first = try CurveKeyPair.generate().publicKey
        let second = try CurveKeyPair.generate().publicKey
        let text = """
            # ours
            \(first.z85)

              \(second.z85)   node two # really \u{20}
            #\(second.z85)
            ########################################
            """
        let list = try AllowList.parse(text, path: "list")
        #expect(list == [first: "line 2", second: "node two # really"])
        #expect(try AllowList.parse("", path: "list").isEmpty)
        for end in ["\n", "\r\n", "\r"] {
            let text = ["\u{FEFF}\(first.z85)", "# and", "\(second.z85) two", ""]
                .joined(separator: end)
            #expect(try AllowList.parse(text, path: "list") == [first: "line 1", second: "two"])
        }
    }

    // Z85 has the sign of comments among its characters, but as the last of 85: five characters
    // that begin with it are more than 2^32.
    @Test func noKeyBeginsWithTheSignOfAComment() throws {
        #expect(CurvePublicKey(z85: "#" + String(repeating: "0", count: 39)) == nil)
        let key = try #require(CurvePublicKey(z85: "0#" + String(repeating: "0", count: 38)))
        #expect(try AllowList.parse(key.z85 + " odd", path: "list") == [key: "odd"])
    }

    @Test(arguments: ["kez", "metadata\ncurve", "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hI"])
    func aLineThatIsNeitherIsRefusedWithoutBeingShown(text: String) throws {
        let error = try #require(throws: ZeroMQError.self) {
            try AllowList.parse("# one\n" + text, path: "the list")
        }
        #expect(error.message.hasPrefix("the list, line 2: "))
        #expect(!error.message.contains(text))
    }

    @Test func aFolderHasAFileAKey() throws {
        let folder = try TemporaryDirectory()
        let server = try CurveKeyPair.generate()
        let worker = try CurveKeyPair.generate()
        for (name, pair) in [("server", server), ("w", worker)] {
            let secret = try folder.write(KeyFile.text(pair, name: name), to: name + ".key_secret")
            unsafe chmod(secret, 0o600)
            try folder.write(KeyFile.text(pair.publicKey, name: name), to: name + ".key")
        }
        try folder.write("not a key", to: "README")
        #expect(
            try AllowList.read(folder.path) == [server.publicKey: "server", worker.publicKey: "w"])
        #expect(try AllowList.read(folder.path("w.key")) == [worker.publicKey: "w"])
        let admission = try Admission(
            keyPath: folder.path("server.key_secret"), listPath: folder.path)
        #expect(admission.name(of: worker.publicKey) == "w")
        // Whoever came with it would have the coordinator's own secret.
        #expect(admission.name(of: server.publicKey) == nil)
        try FileManager.default.removeItem(atPath: folder.path("w.key"))
        #expect(admission.name(of: worker.publicKey) == "w")
        try admission.reload()
        #expect(admission.name(of: worker.publicKey) == nil)
        try folder.write("damaged", to: "x.key")
        #expect(throws: RunError.self) { try admission.reload() }
    }

    private func refusal(bind: String, isInsecure: Bool = false, hasKeys: Bool = false) -> String? {
        var options = RunOptions(threads: 1)
        options.bind = bind
        options.insecure = isInsecure
        if hasKeys {
            options.keyPath = "k"
            options.allowPath = "a"
        }
        do throws(RunError) {
            try options.check()
            return nil
        } catch {
            #expect(error.code == .usage)
            return error.message
        }
    }

    @Test(arguments: [
        "tcp://127.0.0.1:5555", "tcp://127.8.9.10:0", "tcp://localhost:5555", "tcp://[::1]:5555",
    ])
    func loopbackNeedsNothing(bind: String) {
        #expect(refusal(bind: bind) == nil)
    }

    @Test(arguments: [
        "tcp://0.0.0.0:5555", "tcp://*:5555", "tcp://[::]:5555", "tcp://lo:5555",
        "tcp://eth0:5555", "tcp://10.0.0.1:5555", "tcp://node1:5555", "tcp://127.0.0.1.evil:5555",
        "tcp://localhost.evil:5555", "tcp://127.0.0:5555", "tcp://[::ffff:127.0.0.1]:5555",
        "tcp://127.0.0.1;10.0.0.1:5555", "tcp://[fe80::1]:5555", "tcp://1270.0.0.1:5555",
    ])
    func whateverElseNeedsKeysOrAWord(bind: String) throws {
        let message = try #require(refusal(bind: bind))
        #expect(message.contains("--key") && message.contains("--insecure"))
        #expect(message.contains(bind))
        #expect(refusal(bind: bind, isInsecure: true) == nil)
        #expect(refusal(bind: bind, hasKeys: true) == nil)
    }
}
