import Formats
import Heads
import Journal
import Numerics
import Probe
import ProbeWork
import Scheduling
import Synchronization
import WireProtocol

/// What a probe has so far, and so what may begin; asked by the network's thread and told by the one that
/// stores outcomes.
final class ProbeBook: Sendable {
    /// What is kept of a unit.
    struct Entry: Sendable {
        let record: ProbeRecord
        let busySeconds: Double
        let isResumed: Bool
    }

    private struct State {
        var entries: [Int: Entry] = [:]
        /// By family, the penalty of the heads that the model gets.
        var chosen: [ProbeFamily: Int] = [:]
    }

    let plan: ProbePlan
    private let featureCount: Int
    private let state = Mutex(State())

    init(_ plan: ProbePlan, featureCount: Int) {
        self.plan = plan
        self.featureCount = featureCount
    }

    /// Reads an outcome; nil unless it is one of that unit.
    func decoded(_ bytes: [UInt8], of number: Int? = nil) -> ProbeRecord? {
        guard
            let record = try? ProbeRecord(
                decoding: bytes, featureCount: featureCount, keys: plan.heads)
        else { return nil }
        return number.map { plan.units[$0] == record.unit } ?? true ? record : nil
    }

    /// Keeps an outcome.
    ///
    /// - Returns: the units that may begin now.
    func add(_ record: ProbeRecord, busySeconds: Double, isResumed: Bool = false) -> [WorkID] {
        guard let number = plan.number(of: record.unit) else { return [] }
        return state.withLock { state in
            state.entries[number] = Entry(
                record: record, busySeconds: busySeconds, isResumed: isResumed)
            guard let next = plan.successor(of: record.unit), canBegin(next, state),
                let number = plan.number(of: next)
            else { return [] }
            return [WorkID(UInt32(number))]
        }
    }

    /// Fixes the penalty of the heads that the model gets.
    ///
    /// - Returns: the units that may begin now.
    func choose(_ step: Int, for family: ProbeFamily) -> [WorkID] {
        state.withLock { state in
            state.chosen[family] = step
            return plan.groups(of: family).indices.compactMap { group in
                let unit = ProbeUnit(family: family, group: group, rows: .all, step: -1)
                return plan.number(of: unit).flatMap {
                    state.entries[$0] == nil ? WorkID(UInt32($0)) : nil
                }
            }
        }
    }

    /// The chosen penalty; nil before the choice.
    func chosen(for family: ProbeFamily) -> Int? { state.withLock { $0.chosen[family] } }

    /// The units that may not begin yet.
    var held: Set<WorkID> {
        state.withLock { state in
            Set(
                plan.units.indices.filter {
                    state.entries[$0] == nil && !canBegin(plan.units[$0], state)
                }.map { WorkID(UInt32($0)) })
        }
    }

    private func canBegin(_ unit: ProbeUnit, _ state: State) -> Bool {
        guard unit.step >= 0 else { return state.chosen[unit.family] != nil }
        return plan.origins(of: unit).allSatisfy { origin in
            plan.number(of: origin).map { state.entries[$0] != nil } ?? false
        }
    }

    /// What is known of a unit.
    func entry(_ unit: ProbeUnit) -> Entry? {
        guard let number = plan.number(of: unit) else { return nil }
        return state.withLock { $0.entries[number] }
    }

    /// Outcomes by number, as they were sent; nil where one is missing.
    func known() throws -> [[UInt8]?] {
        let entries = state.withLock(\.entries)
        return try plan.units.indices.map { try entries[$0]?.record.encoded() }
    }

    /// The entries of a family's units at one penalty on some rows, in the order of the groups; nil unless
    /// all are there.
    func entries(of family: ProbeFamily, _ rows: ProbeRows, step: Int) -> [Entry]? {
        var found: [Entry] = []
        for group in plan.groups(of: family).indices {
            guard
                let entry = entry(
                    ProbeUnit(family: family, group: group, rows: rows, step: step))
            else { return nil }
            found.append(entry)
        }
        return found
    }

    /// What a worker is told of a unit that may begin, as bytes.
    ///
    /// Of heads that are too large for a message the places where they begin are left out, the farther one
    /// first: that depends on their sizes alone.
    func description(_ number: Int) -> [UInt8] {
        let task = task(number)
        for count in stride(from: task.origins.count, through: 0, by: -1) {
            let less = ProbeTask(
                unit: task.unit, cValues: task.cValues, origins: Array(task.origins.suffix(count)))
            guard let bytes = try? less.encoded() else { break }
            if bytes.count <= WireLimits().taskDescriptionByteCountMax { return bytes }
        }
        return []
    }

    /// What a worker is told of a unit that may begin.
    func task(_ number: Int) -> ProbeTask {
        let unit = plan.units[number]
        let count = plan.heads(of: unit)?.count ?? 0
        guard unit.step < 0 else {
            return ProbeTask(
                unit: unit,
                cValues: [Double](repeating: plan.cValues[unit.step], count: count),
                origins: plan.origins(of: unit).compactMap { entry($0)?.record.result })
        }
        guard let step = chosen(for: unit.family) else {
            preconditionFailure("\(unit) began before the choice")
        }
        let origin = ProbeUnit(
            family: unit.family, group: unit.group, rows: plan.places[0], step: step)
        return ProbeTask(
            unit: unit, cValues: [Double](repeating: plan.cValues[step], count: count),
            origins: [entry(origin)?.record.result].compactMap(\.self))
    }
}
