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
