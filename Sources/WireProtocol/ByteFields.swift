// SwiftProtobuf keeps `bytes` fields as Data; here is the one place that says so.
import FoundationEssentials

extension ProtoWelcome {
    var runIDBytes: [UInt8] {
        get { [UInt8](runID) }
        set { runID = Data(newValue) }
    }
}

extension ProtoMaterial {
    var chunkHashBytes: [[UInt8]] {
        get { chunkHashes.map { [UInt8]($0) } }
        set { chunkHashes = newValue.map { Data($0) } }
    }
}

extension ProtoTaskDescription {
    var descriptionBytes: [UInt8] {
        get { [UInt8](description_p) }
        set { description_p = Data(newValue) }
    }
}

extension ProtoChunkDescription {
    var hashBytes: [UInt8] {
        get { [UInt8](hash) }
        set { hash = Data(newValue) }
    }
}
