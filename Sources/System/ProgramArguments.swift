import Glibc

/// The arguments of this process.
package enum ProgramArguments {
    /// Refuses arguments that are not text, before anything is read or written.
    ///
    /// Swift's own have signs in the place of bytes that are not UTF-8: a file of another name would be
    /// read or written. Exits with status 64, after one sentence.
    ///
    /// - Parameter program: its name, for the sentence.
    static func refuseUnreadable(_ program: String) {
        guard let sentence = refusal(of: raw()) else { return }
        StandardStream.error("\(program): \(sentence)\n")
        exit(RunError.Code.usage.exitStatus)
    }

    /// Why arguments cannot be taken; nil if they can.
    ///
    /// - Parameter arguments: their bytes, without the program's own name.
    package static func refusal(of arguments: [[UInt8]]) -> String? {
        guard
            let index = arguments.firstIndex(where: { String(validating: $0, as: UTF8.self) == nil }
            )
        else { return nil }
        let shown = arguments[index].map { byte in
            (0x20..<0x7F).contains(byte)
                ? String(Unicode.Scalar(byte))
                : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
        return "argument \(index + 1), '\(shown)', is not UTF-8; use a name in UTF-8, and for a "
            + "file or folder of that name rename it or give it a link"
    }

    private static func raw() -> [[UInt8]] {
        (1..<max(1, Int(CommandLine.argc))).compactMap { index in
            unsafe CommandLine.unsafeArgv[index].map { text in
                let count = unsafe strlen(text)
                return (0..<count).map { unsafe UInt8(bitPattern: text[$0]) }
            }
        }
    }
}
