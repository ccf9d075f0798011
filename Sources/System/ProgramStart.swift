import Glibc

/// What a program does first of all, while it has a single thread.
package enum ProgramStart {
    /// Has a file that grows too large refused by the system instead of ending the program by a signal,
    /// and refuses arguments that are not UTF-8 (status 64).
    ///
    /// - Parameter name: of the program, as its messages begin.
    package static func prepare(_ name: String) {
        signal(SIGXFSZ, SIG_IGN)
        ProgramArguments.refuseUnreadable(name)
    }
}
