import CoordinatorNetwork
import Display
import Fleet
import Numerics
import Sessions
import System

extension RunOptions {
    /// Says where workers connect, and how one is started where none is started here.
    ///
    /// - Parameter endpoint: what was bound.
    /// - Returns: what to start on this machine.
    func launches(
        _ endpoint: String, _ admission: Admission?, _ console: Console
    ) throws(RunError) -> [WorkerLaunch] {
        if !isLoopback, let bound = TCPEndpoint(endpoint), bound.isLoopback {
            console.log(
                .warning,
                "--bind \(bind) is \(bound.host) here, which no other machine reaches; to be reached, bind tcp://*:\(bound.port)"
            )
        }
        let invitation = Invitation(endpoint, admission)
        console.log(.info, "workers connect to \(invitation.endpoint)")
        if workers == 0 {
            console.log(
                .info,
                "none is started here (--workers N does); start one with: \(invitation.command)")
        }
        if let admission {
            let count = admission.listedCount
            console.log(
                count == 0 && workers == 0 ? .warning : .info,
                "everything is encrypted; \(count.counted("worker key")) may join, as \(admission.listPath ?? "nobody") lists them (read again at SIGHUP)"
            )
        }
        return try WorkerLaunch.local(count: workers, endpoint: endpoint, admission: admission)
    }
}
