import Formats
import Foundation
import RunFolder
import Scheduling

/// timeline.jsonl: an event a line, by time.
enum TimelineFile {
    /// The file's bytes: events of several sources, merged.
    static func encoded(_ sources: [[RunEvent]]) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var bytes: [UInt8] = []
        for event in RunTimeline.merged(sources) {
            bytes += try encoder.encode(event)
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }

    /// Writes the file of a run, whole or not at all; one that a finished run has stays.
    static func write(_ sources: [[RunEvent]], to directory: RunDirectory) throws {
        let hasOne = FileSystem.exists(directory.path(of: .timeline))
        if directory.state == .finished && hasOne { return }
        try directory.write(encoded(sources), as: .timeline)
    }
}
