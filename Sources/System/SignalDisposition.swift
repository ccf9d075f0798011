import Glibc

/// What the process does at a signal.
///
/// `@unchecked Sendable`: a value that is only handed back to the system.
@safe struct SignalDisposition: @unchecked Sendable {
    private let action: sigaction

    /// What it does now.
    init(of number: Int32) {
        var found = sigaction()
        unsafe sigaction(number, nil, &found)
        action = found
    }

    /// A handler, which must do only what a handler may.
    ///
    /// Calls that it interrupts go on by themselves, where the system can do that.
    init(handler: @escaping @convention(c) (Int32) -> Void) {
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = handler
        action.sa_flags = SA_RESTART
        unsafe sigemptyset(&action.sa_mask)
        self.action = action
    }

    /// Nothing.
    static var ignored: SignalDisposition {
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = SIG_IGN
        return SignalDisposition(action)
    }

    private init(_ action: sigaction) {
        self.action = action
    }

    /// Whether the signal is ignored.
    var isIgnored: Bool {
        unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// Puts it in force for a signal, and returns what was in force before.
    @discardableResult
    func install(for number: Int32) -> SignalDisposition {
        var action = action
        var former = sigaction()
        unsafe sigaction(number, &action, &former)
        return SignalDisposition(former)
    }
}
