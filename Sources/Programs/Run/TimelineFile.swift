import Formats
import Foundation
import Glibc
import RunFolder
import Scheduling

/// timeline.jsonl: an event a line, as it comes while the run goes on, and by time once it is over.
///
/// What an earlier start of the run wrote stays in front until the end. That it cannot be written is no
/// matter before that: the journal has the events too, and its trouble ends the run.
final class TimelineFile: Sendable {
    private let descriptor: Int32

    /// Opens the file of a run to add to it.
    init(in directory: RunDirectory) {
        descriptor = unsafe open(
            directory.path(of: .timeline), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o666)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Adds events, whole lines at once.
    func append(_ events: [RunEvent]) {
        guard descriptor >= 0, !events.isEmpty, let bytes = try? Self.encoded([events]) else {
            return
        }
        _ = unsafe Glibc.write(descriptor, bytes, bytes.count)
    }

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
        if directory.state == .finished, FileSystem.exists(directory.path(of: .timeline)) { return }
        try directory.write(encoded(sources), as: .timeline)
    }
}
