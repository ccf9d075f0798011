import Glibc

/// Has the system end this process, a test's own child, after a while.
///
/// To be called first in the body of an exit test: nobody else ends a child that hangs, and a suite
/// waits for it however long its time limit is over.
package func endInTime(seconds: UInt32 = 40) {
    // Whatever the runner made of it; Dispatch's threads, of which this is one, block it.
    signal(SIGALRM, SIG_DFL)
    var mask = sigset_t()
    unsafe sigemptyset(&mask)
    unsafe sigaddset(&mask, SIGALRM)
    unsafe pthread_sigmask(SIG_UNBLOCK, &mask, nil)
    alarm(seconds)
}
