import Formats
package import Journal

extension RunResults.Timing {
    /// The phases in their order and the total, by the names that every file has for them.
    package static var phases: [(name: String, path: WritableKeyPath<Self, Double>)] {
        [
            ("data", \.data), ("backbone", \.backbone), ("features", \.features),
            ("broadcast", \.broadcast), ("heads", \.heads), ("evaluate", \.evaluate),
            ("total", \.total),
        ]
    }

    /// Adds the times of another start, phase by phase.
    package static func += (sum: inout Self, other: Self) {
        for phase in phases { sum[keyPath: phase.path] += other[keyPath: phase.path] }
    }

    /// The times so far of a start that has run for so long, for its journal.
    package var journalEvent: JournalEvent {
        JournalEvent(
            seconds: total, kind: JournalEvent.timingKind,
            payload: Dictionary(
                uniqueKeysWithValues: Self.phases.map {
                    ($0.name, JSONValue.number(self[keyPath: $0.path]))
                }))
    }

    /// The times of a start that may have ended anywhere, as its journal has them.
    ///
    /// What passed between the end of its last whole phase and its last event is of the phase that came
    /// next.
    package init(_ start: JournalStart) {
        self.init()
        for phase in Self.phases {
            self[keyPath: phase.path] = start.timing?.payload[phase.name]?.number ?? 0
        }
        let rest = max(0, start.seconds - total)
        total += rest
        if heads > 0 {
            evaluate += rest
        } else if features > 0 {
            heads += rest
        } else {
            backbone += rest
        }
    }
}
