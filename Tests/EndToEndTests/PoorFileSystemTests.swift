import Foundation
import RunFolder
import TestSupport
import Testing

/// Whether calls of the system can be made to fail here.
private let compiler = ["/usr/bin/cc", "/usr/bin/clang", "/usr/bin/gcc"].first {
    FileManager.default.isExecutableFile(atPath: $0)
}

extension EndToEndTests {
    /// File systems that lack something: it goes on where that is safe, and says the true reason where
    /// it is not.
    @Suite(.timeLimit(.minutes(5))) struct PoorFileSystemTests {
        private let folder: TemporaryDirectory

        init() throws { folder = try TemporaryDirectory() }

        /// Laid before the C library's functions; `FAULTS` names those that fail, for files of ours.
        private static let shim = """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <errno.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <sys/stat.h>
            #include <unistd.h>

            static int fails(const char *name) {
                const char *faults = getenv("FAULTS");
                return faults && strstr(faults, name);
            }
            static int named(int fd, const char *part) {
                char link[64], path[4096];
                snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
                ssize_t count = readlink(link, path, sizeof path - 1);
                if (count < 0) return 0;
                path[count] = 0;
                return strstr(path, part) != NULL;
            }
            static int ours(int fd) { return named(fd, "/.partial-") || named(fd, ".sqlite"); }
            #define REAL(name, result, ...) \\
                static result (*real)(__VA_ARGS__); \\
                if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

            int fsync(int fd) {
                REAL("fsync", int, int);
                struct stat status;
                if (fails("folder") && !fstat(fd, &status) && S_ISDIR(status.st_mode)) {
                    errno = EOPNOTSUPP;
                    return -1;
                }
                return real(fd);
            }
            void *mmap(void *at, size_t count, int rights, int flags, int fd, off_t start) {
                REAL("mmap", void *, void *, size_t, int, int, int, off_t);
                if (fd >= 0 && (flags & MAP_SHARED) && fails("memory") && ours(fd)) {
                    errno = ENODEV;
                    return MAP_FAILED;
                }
                return real(at, count, rights, flags, fd, start);
            }
            void *mmap64(void *at, size_t count, int rights, int flags, int fd, off_t start) {
                return mmap(at, count, rights, flags, fd, start);
            }
            ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t start) {
                REAL("pwrite64", ssize_t, int, const void *, size_t, off_t);
                if (start > 300000 && fails("quota") && ours(fd)) {
                    errno = EDQUOT;
                    return -1;
                }
                return real(fd, bytes, count, start);
            }
            ssize_t pwrite(int fd, const void *bytes, size_t count, off_t start) {
                return pwrite64(fd, bytes, count, start);
            }
            ssize_t write(int fd, const void *bytes, size_t count) {
                REAL("write", ssize_t, int, const void *, size_t);
                if (fails("model") && named(fd, "/.partial-model")) {
                    errno = ENOSPC;
                    return -1;
                }
                return real(fd, bytes, count);
            }
            int link(const char *from, const char *to) {
                REAL("link", int, const char *, const char *);
                if (fails("names")) {
                    errno = EPERM;
                    return -1;
                }
                return real(from, to);
            }
            """

        /// An environment in which these calls fail.
        private func environment(_ faults: String) async throws -> [String: String] {
            let source = try folder.write(Self.shim, to: "shim.c")
            let library = folder.path("shim.so")
            let compiled = try await run(
                URL(filePath: try #require(compiler)),
                ["-shared", "-fPIC", "-o", library, source, "-ldl"])
            try #require(compiled.status == 0, "\(compiled.standardError)")
            return ["LD_PRELOAD": library, "FAULTS": faults]
        }

        /// As gocryptfs and some FUSE answer the one, and shared folders of virtual machines the other.
        @Test(.enabled(if: compiler != nil, "needs a C compiler"))
        func aRunNeedsNeitherASynchronisedFolderNorSharedMemory() async throws {
            let environment = try await environment("folder,memory")
            let reference = try await Lab.reference
            let path = folder.path("run")
            // Killed on the way: the log it leaves is read without shared memory as well.
            let killed = try Job().start(in: path, environment: environment)
            _ = try await endpoint(of: killed)
            killed.send(SIGKILL)
            _ = try await killed.exitStatus()
            let outcome = try await Job().run(
                in: path, ["--workers", "1"], environment: environment)
            #expect(outcome.status == 0, "\(outcome.standardError)")
            let results = try RunDirectory.readResults(in: path)
            #expect(results.digests == reference.results.digests)
            #expect(try names(in: path).filter { $0.hasPrefix(".partial-") } == [])
            let again = try await Job().run(in: path, environment: environment)
            #expect(again.status == 0, "\(again.standardError)")
            #expect(again.standardOutput == outcome.standardOutput)
        }

        @Test(.enabled(if: compiler != nil, "needs a C compiler"))
        func keysNeedNoSecondNames() async throws {
            let environment = try await environment("names")
            let keys = folder.path("keys")
            for status: Int32 in [0, 73] {
                let made = try await run(
                    Lab.coordinator, ["keygen", keys], environment: environment)
                #expect(made.status == status, "\(made.standardError)")
            }
            #expect(try names(in: keys).count == 4)
        }

        @Test(.enabled(if: compiler != nil, "needs a C compiler"))
        func aQuotaIsSaidAndWhatWasAcceptedIsKept() async throws {
            let path = folder.path("run")
            let outcome = try await Job().run(
                in: path, ["--workers", "1"], environment: try await environment("quota"))
            #expect(outcome.status == 73, "\(outcome.standardError)")
            #expect(
                outcome.standardError.hasSuffix(
                    "coordinator: cannot write \(path)/journal.sqlite: Disk quota exceeded; what was accepted is kept: free some of your quota, and start the same run again\n"
                ), "\(outcome.standardError)")
            let again = try await Job().run(in: path, ["--workers", "1"])
            #expect(again.status == 0, "\(again.standardError)")
        }

        /// The last files of a run: nothing that was trained is lost.
        @Test(.enabled(if: compiler != nil, "needs a C compiler"))
        func aDiskThatIsFullAtTheEndKeepsTheHeads() async throws {
            let path = folder.path("run")
            let outcome = try await Job().run(
                in: path, ["--workers", "1"], environment: try await environment("model"))
            #expect(outcome.status == 73, "\(outcome.standardError)")
            #expect(
                outcome.standardError.contains(
                    "model.safetensors: No space left on device; free some space, or choose a folder on another file system; the trained backbone and 57 heads are kept: "
                ), "\(outcome.standardError)")
            #expect(try names(in: path).filter { $0.hasPrefix(".partial-") } == [])
            let again = try await Job().run(in: path)
            #expect(again.status == 0, "\(again.standardError)")
        }

        /// A file that grows too large is an error with a sentence, not the end by a signal.
        @Test(arguments: [
            (
                600,
                "File too large; what was accepted is kept: raise the limit on the size of files"
            ),
            (1, "File too large; raise the limit on the size of files (ulimit -f), or choose a"),
        ])
        func aLimitOnTheSizeOfFilesIsSaid(kibibytes: Int, said: String) async throws {
            let path = folder.path("run")
            let outcome = try await run(
                URL(filePath: "/bin/bash"),
                ["-c", "ulimit -f \(kibibytes); exec \"$@\"", "limited", Lab.coordinator.path]
                    + Job().arguments(in: path) + ["--workers", "1"])
            #expect(outcome.status == 73, "\(outcome.standardError)")
            #expect(outcome.standardError.contains("cannot write \(path)"))
            #expect(outcome.standardError.contains(said), "\(outcome.standardError)")
            let again = try await Job().run(in: path, ["--workers", "1"])
            #expect(again.status == 0, "\(again.standardError)")
        }

        @Test func aPathTooLongForTheJournalIsSaid() async throws {
            let part = String(repeating: "x", count: 120)
            let path = folder.path((0..<4).map { _ in part }.joined(separator: "/"))
            let outcome = try await Job().run(in: path)
            #expect(outcome.status == 73)
            #expect(
                outcome.standardError.contains("and SQLite, whose file it is, takes at most"),
                "\(outcome.standardError)")
            #expect(outcome.standardError.contains("use a --run-dir with a shorter path"))
        }
    }
}
