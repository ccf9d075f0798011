// SwiftProtobuf keeps `bytes` fields as Data; here is the one place that says so.
import FoundationEssentials

extension ProtoWelcome {
    var runIDBytes: [UInt8] {
        get { [UInt8](runID) }
        set { runID = Data(newValue) }
    }
}

extension ProtoAssign {
    var taskBytes: [UInt8] {
        get { [UInt8](task) }
        set { task = Data(newValue) }
    }
}
