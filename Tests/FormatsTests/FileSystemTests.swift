import Formats
import Foundation
import Glibc
import TestSupport
import Testing

/// What a person is told of a file: the true reason, and a cure that works.
@Suite struct FileSystemTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test func looksAtWhatIsThere() throws {
        try folder.write("x", to: "file")
        #expect(FileSystem.look(at: folder.path("file")) == .file)
        #expect(FileSystem.look(at: folder.path) == .folder)
        #expect(FileSystem.look(at: folder.path("none")) == .absent)
        #expect(FileSystem.look(at: folder.path("file/below")) == .absent)
        try FileManager.default.createSymbolicLink(
            atPath: folder.path("link"), withDestinationPath: "none")
        guard case .obstacle(let reason) = FileSystem.look(at: folder.path("link")) else {
            Issue.record("a link that leads nowhere is an obstacle")
            return
        }
        #expect(reason.hasPrefix("it is a link to none, which is not there; "))
        let long = folder.path(String(repeating: "x", count: 300))
        guard case .obstacle(let reason) = FileSystem.look(at: long) else {
            Issue.record("a name that is too long is an obstacle")
            return
        }
        #expect(reason.contains("too long; check the path, or choose a shorter one"))
    }

    @Test(arguments: [
        (ENOSPC, "No space left on device; free some space, or choose a folder on another"),
        (EDQUOT, "quota exceeded; free some of your quota"),
        (EFBIG, "File too large; raise the limit on the size of files (ulimit -f)"),
        (EROFS, "Read-only file system; choose a folder that can be written"),
        (EACCES, "Permission denied; get the right"), (ENAMETOOLONG, "too long; choose a shorter"),
        (EMFILE, "Too many open files; raise the limit on open files (ulimit -n)"),
        (ENOLCK, "No locks available; choose a folder on another file system"),
        (EIO, "error; check the disk"),
    ])
    func whatCannotBeWrittenHasACure(code: Int32, said: String) {
        let message = FormatError.cannotWrite("/x", errno: code).message
        #expect(message.hasPrefix("cannot write /x: "))
        #expect(message.contains(said), "\(message)")
    }

    @Test func aFolderIsNoFile() {
        for read in [
            { _ = try ByteSource(self.folder.path) },
            { _ = try FileSystem.readText(self.folder.path) },
        ] {
            let error = #expect(throws: FormatError.self) { try read() }
            #expect(
                error?.message
                    == "cannot read \(folder.path): it is a folder; name a file in it")
        }
    }

    private struct Record: Decodable {
        let count: Int
        let inner: [String: [Int]]
    }

    /// In words: Foundation's are for programmers.
    @Test(arguments: [
        ("", "it is empty; "), ("{\"count\": 1", "it is damaged or cut short; "),
        ("not JSON", "it is damaged or cut short; "), ("{\"inner\": {}}", "it lacks count; "),
        ("{\"count\": \"x\", \"inner\": {}}", "its count is not of the right kind; "),
        (
            "{\"count\": 1, \"inner\": {\"a\": [1, null]}}",
            "its inner.a.1 is not of the right kind; "
        ),
        ("[]", "its content is not of the right kind; "),
    ])
    func brokenJSONIsDescribed(text: String, said: String) throws {
        let path = try folder.write(text, to: "results.json")
        let error = #expect(throws: FormatError.self) {
            try FileSystem.readJSON(Record.self, at: path)
        }
        #expect(error?.message.hasPrefix("\(path): \(said)") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("Error") == false)
    }

    /// A web page where any file should be, whoever reads it.
    @Test func aWebPageIsNoFileOfOurs() throws {
        let path = try folder.write("<!DOCTYPE html>\n<title>404</title>\n", to: "y.txt")
        let error = #expect(throws: FormatError.self) { try LabelColumn(text: ByteReader(path)) }
        #expect(error?.code == .foreign)
        #expect(error?.message.hasPrefix("\(path): it is a web page") == true)
    }

    @Test func arraysOfOtherKindsAreNamed() throws {
        let path = folder.path("x.npy")
        try AtomicFile.write(
            [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A] + [UInt8](repeating: 0, count: 600), to: path)
        let error = #expect(throws: FormatError.self) { _ = try NPYReader(ByteReader(path)) }
        #expect(error?.message.contains("it is an HDF5 file") == true, "\(error?.message ?? "")")
    }
}
