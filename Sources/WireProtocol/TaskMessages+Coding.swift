import Heads

extension TaskSpec {
    var wire: ProtoTaskDescription {
        var wire = ProtoTaskDescription()
        wire.id = id.rawValue
        wire.descriptionBytes = description
        return wire
    }

    init(_ wire: ProtoTaskDescription, _ limits: WireLimits) throws(WireError) {
        let description = wire.descriptionBytes
        try Check.length(
            description.count, "bytes of a task's description",
            max: limits.taskDescriptionByteCountMax)
        self.init(id: TaskID(wire.id), description: description)
    }
}

extension MaterialDescription {
    var wire: ProtoMaterials {
        var wire = ProtoMaterials()
        wire.materials = items.map { item in
            var material = ProtoMaterial()
            material.name = item.name
            material.byteCount = UInt64(clamping: item.byteCount)
            material.chunkHashBytes = item.chunkHashes
            return material
        }
        wire.chunkByteCount = UInt32(clamping: chunkByteCount)
        wire.broadcastComplete = broadcastComplete
        return wire
    }

    /// Checks that each material has as many hashes as chunks, and all together are within the limits.
    init(_ wire: ProtoMaterials, _ limits: WireLimits) throws(WireError) {
        let chunkByteCount = try Check.count(
            wire.chunkByteCount, "a chunk's bytes", in: 1...limits.chunkByteCountMax)
        try Check.length(wire.materials.count, "materials", max: limits.materialCountMax)
        var names: Set<String> = []
        var items: [Item] = []
        var (byteCount, chunkCount) = (0, 0)
        for material in wire.materials {
            let name = try Check.name(material.name, "a material's name", limits)
            guard names.insert(name).inserted else { throw .badValue("two materials of one name") }
            let size = try Check.count(
                material.byteCount, "a material's bytes", in: 0...limits.materialByteCountMax)
            // Both far from overflow: their maxima are, and there are few materials.
            byteCount += size
            try Check.length(byteCount, "bytes of materials", max: limits.materialByteCountMax)
            let hashes = material.chunkHashBytes
            chunkCount += hashes.count
            try Check.length(chunkCount, "chunks", max: limits.chunkCountMax)
            let wanted = (size + chunkByteCount - 1) / chunkByteCount
            guard hashes.count == wanted else {
                throw .badValue("\(hashes.count) hashes for the \(wanted) chunks of a material")
            }
            if let bad = hashes.first(where: { $0.count != ChunkDescription.hashByteCount }) {
                throw .badValue("a hash of \(bad.count) bytes")
            }
            items.append(Item(name: name, byteCount: size, chunkHashes: hashes))
        }
        self.init(
            items: items, chunkByteCount: chunkByteCount, broadcastComplete: wire.broadcastComplete)
    }
}
