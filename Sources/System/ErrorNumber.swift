import Glibc

/// The system's error numbers.
package enum ErrorNumber {
    /// The system's words for one, as in "Connection refused".
    package static func words(_ code: Int32) -> String {
        // glibc's answer is a constant or this thread's own.
        unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }
}
