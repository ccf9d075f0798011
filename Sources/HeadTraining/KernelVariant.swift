import CHeadKernels

/// The head kernels for one instruction set; all variants give equal bits.
package struct KernelVariant: Sendable, CustomStringConvertible {
    let index: UInt32
    /// `scalar`, `avx2`, `avx512` or `neon`.
    package let name: String

    private init(index: UInt32) {
        self.index = index
        name = unsafe String(cString: head_kernel_variant_at(index).pointee.name)
    }

    /// The variants this CPU can run, the scalar reference first, the fastest last.
    package static var supported: [KernelVariant] {
        var result: [KernelVariant] = []
        for index in 0..<head_kernel_variant_count()
        where unsafe head_kernel_variant_at(index).pointee.is_supported() {
            result.append(KernelVariant(index: index))
        }
        return result
    }

    /// The variant called `name` (the value of `MANYHEADS_ISA`), or the fastest for nil or "".
    package static func select(_ name: String?) throws(HeadTrainingError) -> KernelVariant {
        let candidates = supported
        guard let name, !name.isEmpty else { return candidates[candidates.count - 1] }
        guard let variant = candidates.first(where: { $0.name == name }) else {
            throw .unknownVariant(name, supported: candidates.map(\.name))
        }
        return variant
    }

    package var description: String { name }

    /// Runs independent fused multiply-adds and returns how many floating-point operations were done.
    ///
    /// - Parameter iterationCount: each is 16 vectors of this instruction set, more or less.
    package func runPeak(iterationCount: UInt64) -> Double {
        var flopCount = 0.0
        _ = unsafe head_kernel_variant_at(index).pointee.measure_peak(iterationCount, &flopCount)
        return flopCount
    }
}
