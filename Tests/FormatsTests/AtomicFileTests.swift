import Formats
import Foundation
import TestSupport
import Testing

@Suite struct AtomicFileTests {
    @Test func replacesWholeFiles() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/file"
            try AtomicFile.write(Array("first".utf8), to: path)
            try AtomicFile.write(Array("second".utf8), to: path)
            #expect(try bytes(of: path) == Array("second".utf8))
            #expect(try names(in: folder) == ["file"])
        }
    }

    @Test func failureLeavesTheOldFileAndNoOther() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/file"
            try AtomicFile.write(Array("old".utf8), to: path)
            let elsewhere = #expect(throws: FormatError.self) {
                try AtomicFile.write(to: path) { (output) throws(FormatError) in
                    try output.append(Array("new".utf8))
                    _ = try FileSystem.read(folder + "/missing", byteCountMax: 1)
                }
            }
            #expect(elsewhere?.code == .cannotRead)
            #expect(try bytes(of: path) == Array("old".utf8))
            #expect(try names(in: folder) == ["file"])
            // A file cannot replace a folder: the rename itself fails.
            try FileManager.default.createDirectory(
                atPath: folder + "/sub/inner", withIntermediateDirectories: true)
            #expect(throws: FormatError.self) {
                try AtomicFile.write([1], to: folder + "/sub")
            }
            #expect(try names(in: folder) == ["file", "sub"])
        }
    }

    // Under a regular file nothing can be made, not even by root.
    @Test func namesThePathAndTheReason() throws {
        try withTemporaryFolder { folder in
            try AtomicFile.write([], to: folder + "/file")
            let path = folder + "/file/below"
            let error = #expect(throws: FormatError.self) { try AtomicFile.write([1], to: path) }
            #expect(error?.code == .cannotWrite)
            #expect(
                error?.message == "cannot write \(path): Not a directory; "
                    + "choose a folder that can be written")
        }
    }

    @Test func aNewFileReplacesNothing() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/file"
            func make(_ text: String) throws {
                try AtomicFile.write(to: path, permissions: 0o600, replaces: false) {
                    (output) throws(FormatError) in try output.append(Array(text.utf8))
                }
            }
            try make("first")
            let error = #expect(throws: FormatError.self) { try make("second") }
            #expect(error?.code == .cannotWrite)
            #expect(try bytes(of: path) == Array("first".utf8))
            #expect(try names(in: folder) == ["file"])
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }
}
