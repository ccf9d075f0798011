import FeatureStore
import Numerics
import Transfer

/// Room for features or for materials, as a worker's runtime makes it.
@Sendable
func makeAssembly(
    _ manifest: ChunkManifest, byteCountMax: Int
) throws(TransferError) -> any ChunkAssembly {
    manifest.features == nil
        ? try MaterialAssembly(manifest, byteCountMax: byteCountMax)
        : try FeatureAssembly(manifest, byteCountMax: byteCountMax)
}

extension ChunkAssembly {
    /// The rows that were put together; nil if these are none, or some are missing.
    var features: FeatureTable? { try? (self as? FeatureAssembly)?.finish() }

    /// The materials that were put together; nil if these are none, or some are missing.
    var materials: Materials? { try? (self as? MaterialAssembly)?.finish() }
}
