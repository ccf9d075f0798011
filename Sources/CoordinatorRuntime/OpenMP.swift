import Foundation

/// Keeps the backbone's threads from burning cores that workers need.
package enum OpenMP {
    /// Sees to it that OpenMP threads sleep between parallel regions, where the user says nothing else.
    ///
    /// By default they spin after every region, which made two such processes on two cores run four
    /// times slower. libgomp reads the policy when it is loaded, before any of our code runs: so the
    /// process replaces itself by the same program with the policy set. First thing in `main`.
    package static func makeThreadsSleep() {
        guard unsafe getenv("OMP_WAIT_POLICY") == nil, unsafe getenv("GOMP_SPINCOUNT") == nil else {
            return
        }
        unsafe setenv("OMP_WAIT_POLICY", "passive", 1)
        var arguments = unsafe CommandLine.arguments.map { unsafe strdup($0) } + [nil]
        // Returns only if it fails, and then the run is merely slower.
        unsafe execv("/proc/self/exe", &arguments)
    }
}
