import Glibc

/// What the system says of this process's memory.
package enum ProcessMemory {
    /// The most bytes the process has had resident; 0 where the system does not tell.
    ///
    /// From /proc: what getrusage tells of a new process begins with its parent's.
    package static func peakByteCount() -> Int {
        byteCount("VmHWM:") ?? 0
    }

    /// A field of /proc/self/status in kibibytes, as in "VmSize:"; nil where the system does not tell.
    static func byteCount(_ field: String) -> Int? {
        for line in status().split(separator: UInt8(ascii: "\n"))
        where line.starts(with: field.utf8) {
            let digits = line.filter { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            return Int(String(decoding: digits, as: UTF8.self)).map { $0 * 1_024 }
        }
        return nil
    }

    /// Has ``peakByteCount()`` begin again at what is resident now.
    ///
    /// Where the system cannot do that, the peak stays the one of the whole process.
    package static func resetPeak() {
        let file = unsafe open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        defer { close(file) }
        let five: [UInt8] = [UInt8(ascii: "5")]
        _ = unsafe write(file, five, five.count)
    }

    private static func status() -> [UInt8] {
        let file = unsafe open("/proc/self/status", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 8_192)
        let count = unsafe read(file, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
    }
}
