import CLogitKernels

/// The logit kernel for one instruction set; all variants give equal bits.
package struct LogitKernelVariant: Sendable {
    private let index: UInt32
    /// `scalar`, `avx2`, `avx512` or `neon`.
    package let name: String

    private init(index: UInt32) {
        self.index = index
        name = unsafe String(cString: logit_kernel_variant_at(index).pointee.name)
    }

    /// The variants this CPU can run, the scalar reference first, the fastest last.
    package static let supported: [LogitKernelVariant] = (0..<logit_kernel_variant_count())
        .filter { unsafe logit_kernel_variant_at($0).pointee.is_supported() }
        .map { LogitKernelVariant(index: $0) }

    /// The fastest variant this CPU can run.
    package static var fastest: LogitKernelVariant { supported[supported.count - 1] }

    /// Computes logits as the C header defines them.
    func fill(_ request: logit_request) {
        var request = unsafe request
        unsafe logit_kernel_variant_at(index).pointee.fill(&request)
    }
}
