package import Foundation
import Glibc

/// The folder that holds Package.swift.
package var packageRoot: URL {
    URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
}

/// The folder with MNIST and CIFAR-10 beside the repository, where there is one.
///
/// Tests that need those files say so and end when it is nil.
package var sharedDataDirectory: String? {
    let directory = packageRoot.deletingLastPathComponent().appending(path: "shared/data")
    var isDirectory: ObjCBool = false
    let exists = unsafe FileManager.default.fileExists(
        atPath: directory.path, isDirectory: &isDirectory)
    return exists && isDirectory.boolValue ? directory.path : nil
}

/// The folder of the executables that were built together with the running tests.
///
/// The test bundle is an executable in the same folder, in every configuration.
package var productsDirectory: URL {
    URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
}

/// A new, empty folder that goes away, with what is in it, with the last reference.
package final class TemporaryDirectory: Sendable {
    /// Where it is.
    package let url: URL

    /// Its path, for arguments.
    package var path: String { url.path }

    /// Makes the folder, under a name that nobody else has.
    package init() throws {
        url = FileManager.default.temporaryDirectory
            .appending(path: "manyheads-test-\(UUID().uuidString)", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    /// The path of something in it.
    package func path(_ name: String) -> String {
        url.appending(path: name).path
    }

    /// Writes a file and returns its path.
    ///
    /// An executable can be run at once. It is put in its place by another process: a child that
    /// some other test starts while this process has the file open for writing would inherit the
    /// descriptor for a moment, and the system refuses to run such a file ("text file busy").
    @discardableResult
    package func write(_ text: String, to name: String, executable: Bool = false) throws -> String {
        let file = path(name)
        let draft = executable ? path(UUID().uuidString) : file
        try Data(text.utf8).write(to: URL(filePath: draft))
        if executable {
            let install = try spawn(
                "/usr/bin/install", ["-m", "755", draft, file], environment: [:], directory: nil)
            for end in [install.standardInput, install.standardOutput, install.standardError] {
                close(end)
            }
            guard reap(install.identifier) == 0 else {
                throw ProcessFailure("\(file) cannot be written.")
            }
            try FileManager.default.removeItem(atPath: draft)
        }
        return file
    }
}

/// A new empty folder, removed by `body`'s end.
package func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = try TemporaryDirectory()
    return try withExtendedLifetime(folder) { try body(folder.path) }
}

/// Whether this machine has IPv6's loopback address.
package var hasIPv6: Bool {
    let addresses = try? String(contentsOfFile: "/proc/net/if_inet6", encoding: .utf8)
    return addresses?.contains("00000000000000000000000000000001 ") == true
}

/// A file's bytes.
package func bytes(of path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
}

/// The names in a folder, in order.
package func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
}
