import Hashing

/// What the tasks of a job work on: bytes under names.
package struct Materials: Hashable, Sendable {
    /// One of them.
    package struct Item: Hashable, Sendable {
        /// Different from all others.
        package let name: String
        /// What it is; may be empty.
        package let bytes: [UInt8]

        /// Bytes under a name.
        package init(name: String, bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// In an order that is kept.
    package let items: [Item]

    /// Traps on a name given twice.
    package init(_ items: [Item]) {
        precondition(Set(items.map(\.name)).count == items.count)
        self.items = items
    }

    /// The bytes under a name, if there are any.
    package subscript(name: String) -> [UInt8]? { items.first { $0.name == name }?.bytes }

    /// Bytes of all together.
    package var byteCount: Int { items.reduce(0) { $0 + $1.bytes.count } }
}

/// The shape of a job's materials and the hashes of their chunks.
///
/// A chunk is named by its position among those of all materials in order. Fields may come from a
/// peer, so making one checks nothing; ``validate(byteCountMax:)`` does, and ``MaterialAssembly``
/// calls it.
package struct MaterialManifest: Hashable, Sendable {
    /// One material.
    package struct Item: Hashable, Sendable {
        /// Different from all others.
        package var name: String
        /// How long it is.
        package var byteCount: Int
        /// BLAKE2b-256 of each chunk, in order.
        package var chunkHashes: [[UInt8]]

        /// An item of these fields, unchecked.
        package init(name: String, byteCount: Int, chunkHashes: [[UInt8]]) {
            self.name = name
            self.byteCount = byteCount
            self.chunkHashes = chunkHashes
        }
    }

    /// In the order of the chunks.
    package var items: [Item]
    /// Bytes of every chunk but the last of each material.
    package var chunkByteCount: Int

    /// A manifest of these fields, unchecked.
    package init(items: [Item], chunkByteCount: Int) {
        self.items = items
        self.chunkByteCount = chunkByteCount
    }

    /// Chunks of all materials.
    package var chunkCount: Int { items.reduce(0) { $0 + $1.chunkHashes.count } }

    /// Where a chunk lies: its material's position, and its bytes in that material.
    ///
    /// O(materials); nil beyond the last. Only of a manifest that is valid.
    package func place(ofChunk index: Int) -> (item: Int, bytes: Range<Int>)? {
        guard index >= 0 else { return nil }
        var rest = index
        for (position, item) in items.enumerated() {
            if rest < item.chunkHashes.count {
                let start = rest * chunkByteCount
                return (position, start..<min(item.byteCount, start + chunkByteCount))
            }
            rest -= item.chunkHashes.count
        }
        return nil
    }

    /// Checks that each material has a hash for each of its chunks, without taking memory.
    ///
    /// - Parameter byteCountMax: bytes all may take.
    package func validate(byteCountMax: Int) throws(FeatureStoreError) {
        guard (1...FeatureManifest.chunkByteCountMax).contains(chunkByteCount) else {
            throw .badManifest("chunks of \(chunkByteCount) bytes")
        }
        var names: Set<String> = []
        var byteCount = 0
        for item in items {
            guard names.insert(item.name).inserted else {
                throw .badManifest("two materials are called \(item.name)")
            }
            let (sum, overflow) = byteCount.addingReportingOverflow(item.byteCount)
            guard item.byteCount >= 0, !overflow, sum <= byteCountMax else {
                throw .tooLarge("materials", max: byteCountMax)
            }
            byteCount = sum
            let (whole, rest) = item.byteCount.quotientAndRemainder(dividingBy: chunkByteCount)
            let wanted = whole + (rest > 0 ? 1 : 0)
            guard item.chunkHashes.count == wanted,
                item.chunkHashes.allSatisfy({ $0.count == BLAKE2b.byteCount })
            else {
                throw .badManifest("\(item.name) has not a hash for each of \(wanted) chunks")
            }
        }
    }
}

/// Materials cut into content-addressed chunks, as a coordinator sends them.
package struct MaterialChunks: Sendable {
    /// The chunks, each named by its position.
    package let manifest: MaterialManifest
    /// What was cut.
    package let materials: Materials

    /// Cuts and hashes `materials`; a material's last chunk may be smaller.
    package init(
        _ materials: Materials, chunkByteCountMax: Int = FeatureManifest.chunkByteCountMax
    ) {
        let size = max(1, min(chunkByteCountMax, FeatureManifest.chunkByteCountMax))
        self.materials = materials
        manifest = MaterialManifest(
            items: materials.items.map { item in
                let hashes = stride(from: 0, to: item.bytes.count, by: size).map { start in
                    unsafe item.bytes.withUnsafeBytes { bytes in
                        unsafe BLAKE2b.digest(
                            UnsafeRawBufferPointer(
                                rebasing: bytes[start..<min(bytes.count, start + size)]))
                    }
                }
                return MaterialManifest.Item(
                    name: item.name, byteCount: item.bytes.count, chunkHashes: hashes)
            }, chunkByteCount: size)
    }

    /// Reads the bytes of one chunk; the pointer is valid within `body`.
    ///
    /// Traps on an index that is not in the manifest: callers check what a peer asked for.
    package func withUnsafeBytes<Result>(
        ofChunk index: Int, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        guard let place = manifest.place(ofChunk: index) else {
            preconditionFailure("there is no chunk \(index)")
        }
        return unsafe materials.items[place.item].bytes.withUnsafeBytes { pointer in
            unsafe body(UnsafeRawBufferPointer(rebasing: pointer[place.bytes]))
        }
    }
}
