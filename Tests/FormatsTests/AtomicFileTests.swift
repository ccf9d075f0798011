import Formats
import Foundation
import Glibc
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

    // A rename onto a link takes the link's place, and nobody finds the bytes where the link leads.
    @Test func aLinkStaysAndItsTargetIsReplaced() throws {
        try withTemporaryFolder { folder in
            try FileManager.default.createDirectory(
                atPath: folder + "/there", withIntermediateDirectories: true)
            try AtomicFile.write([1], to: folder + "/there/file")
            for (name, target) in [
                ("near", "there/file"), ("far", folder + "/there/file"), ("second", "near"),
                ("new", "there/other"),
            ] {
                let link = folder + "/" + name
                try FileManager.default.createSymbolicLink(
                    atPath: link, withDestinationPath: target)
                try AtomicFile.write(Array(name.utf8), to: link)
                #expect(
                    try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
                let file = folder + (name == "new" ? "/there/other" : "/there/file")
                #expect(try bytes(of: file) == Array(name.utf8))
            }
            #expect(try names(in: folder + "/there") == ["file", "other"])
            // Links in a ring lead nowhere.
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/ring", withDestinationPath: "ring")
            try AtomicFile.write([2], to: folder + "/ring")
            #expect(try bytes(of: folder + "/ring") == [2])
        }
    }

    // A rename onto a pipe takes its place, and its reader waits for ever; onto a device, as root, as well.
    @Test func aPipeIsWrittenWhereItStands() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/pipe"
            #expect(unsafe mkfifo(path, 0o600) == 0)
            // Open for both, nobody waits for the other end.
            let reader = unsafe open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
            defer { close(reader) }
            try AtomicFile.write(Array("one".utf8), to: path)
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/link", withDestinationPath: "pipe")
            try AtomicFile.write(Array("two".utf8), to: folder + "/link")
            var block = [UInt8](repeating: 0, count: 16)
            let count = unsafe read(reader, &block, block.count)
            #expect(block.prefix(max(0, count)) == Array("onetwo".utf8)[...])
            #expect(try names(in: folder) == ["link", "pipe"])
            #expect(try !AtomicFile.Draft(of: path).hasStart)
            #expect(try AtomicFile.Draft(of: folder + "/file").hasStart)
            // What may replace nothing takes no pipe either.
            #expect(throws: FormatError.self) {
                try AtomicFile.write(to: path, replaces: false) {
                    (output) throws(FormatError) in try output.append(Array("x".utf8))
                }
            }
            #expect(try names(in: folder) == ["link", "pipe"])
        }
    }

    @Test func oneFileByTwoNamesIsTheSame() throws {
        try withTemporaryFolder { folder in
            try AtomicFile.write([1], to: folder + "/file")
            try AtomicFile.write([1], to: folder + "/twin")
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/link", withDestinationPath: "file")
            try FileManager.default.linkItem(atPath: folder + "/file", toPath: folder + "/hard")
            for name in ["file", "link", "hard", "./file"] {
                #expect(FileSystem.isSame(folder + "/file", folder + "/" + name))
            }
            for name in ["twin", "none"] {
                #expect(!FileSystem.isSame(folder + "/file", folder + "/" + name))
            }
        }
    }
}
