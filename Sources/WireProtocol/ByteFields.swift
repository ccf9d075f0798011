// SwiftProtobuf keeps `bytes` fields as Data; here is the one place that says so.
import FoundationEssentials

extension ProtoWelcome {
    var runIDBytes: [UInt8] {
        get { [UInt8](runID) }
        set { runID = Data(newValue) }
    }
}

extension ProtoTaskDescription {
    var descriptionBytes: [UInt8] {
        get { [UInt8](description_p) }
        set { description_p = Data(newValue) }
    }
}
