import Foundation
import Glibc
import Synchronization

/// What a test's process could not do.
package struct ProcessFailure: Error, CustomStringConvertible {
    /// What failed, with the end of the process's output.
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// A child process just started, with the reading ends of its output.
struct SpawnedChild {
    let identifier: pid_t
    let standardInput: Int32
    let standardOutput: Int32
    let standardError: Int32
}

/// A pipe whose ends no other child inherits.
private struct Pipe {
    let reading: Int32
    let writing: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw ProcessFailure("No pipe: errno \(errno).") }
        reading = ends[0]
        writing = ends[1]
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }

    func closeBoth() {
        close(reading)
        close(writing)
    }
}

// Held from a pipe's birth until it is marked close-on-exec, so that a child which another test
// starts at that moment does not keep its writing end open.
private let spawning = Mutex(())

/// Starts a process in a group of its own, with no signal blocked and none ignored.
///
/// Not Foundation's `Process`: its children inherit the caller's ignored signals, and it cannot
/// make the group that lets a test end a program together with what the program started.
func spawn(
    _ executable: String, _ arguments: [String], environment: [String: String], directory: String?
) throws -> SpawnedChild {
    try spawning.withLock { _ in
        let input = try Pipe()
        let output = try Pipe()
        let errors = try Pipe()
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, input.reading, STDIN_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, output.writing, STDOUT_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, errors.writing, STDERR_FILENO)

        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        unsafe posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

        var child = pid_t()
        // The Glibc module hides posix_spawn's own change of directory (`_GNU_SOURCE`).
        let words = (directory.map { ["/usr/bin/env", "-C", $0] } ?? []) + [executable] + arguments
        let status = unsafe withCStrings(words) { arguments in
            let variables = environment.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
            return unsafe withCStrings(variables) { variables in
                unsafe posix_spawn(&child, words[0], &actions, &attributes, arguments, variables)
            }
        }
        guard status == 0 else {
            for pipe in [input, output, errors] { pipe.closeBoth() }
            throw ProcessFailure("\(executable) does not start: errno \(status).")
        }
        close(input.reading)
        close(output.writing)
        close(errors.writing)
        return SpawnedChild(
            identifier: child, standardInput: input.writing, standardOutput: output.reading,
            standardError: errors.reading)
    }
}

/// Calls the body with a null-terminated array of C strings.
private func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    let pointers = unsafe strings.map { unsafe strdup($0) }
    // By index: the formatter glues the words of `for unsafe pointer in`.
    defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
    return unsafe body(pointers + [nil])
}

/// Waits for a child; what shells would say of its end: its status, or 128 and the signal.
func reap(_ identifier: pid_t) -> Int32 {
    var status: Int32 = 0
    while unsafe waitpid(identifier, &status, 0) < 0 {
        if errno != EINTR { return -1 }
    }
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
}

/// Reads a descriptor to its end, a block at a time, and closes it.
func readToEnd(_ descriptor: Int32, _ received: ([UInt8]) -> Void) {
    var block = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = unsafe block.withUnsafeMutableBytes {
            unsafe read(descriptor, $0.baseAddress, $0.count)
        }
        if count > 0 {
            received(Array(block[..<count]))
        } else if count == 0 || errno != EINTR {
            break
        }
    }
    close(descriptor)
}
