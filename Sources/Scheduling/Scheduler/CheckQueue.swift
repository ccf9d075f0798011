/// Checks that wait for a worker, by the process that trained the head: it does not check itself.
///
/// Entries are not removed when they stop being wanted; whoever takes one looks at its state.
struct CheckQueue: Sendable {
    private struct Line: Sendable {
        let trainer: TrainerID
        var ranks: [Int32] = []
        var cursor = 0
    }

    /// Ascending by trainer.
    private var lines: [Line] = []
    /// The line that is asked first, so that every process has its share checked early.
    private var turn = 0

    /// Every entry, with the trainer it was filed under.
    var entries: [(trainer: TrainerID, rank: Int32)] {
        lines.flatMap { line in line.ranks[line.cursor...].map { (line.trainer, $0) } }
    }

    mutating func insert(_ rank: Int32, trainedBy trainer: TrainerID) {
        let index = lines.firstIndex { $0.trainer >= trainer } ?? lines.count
        if index == lines.count || lines[index].trainer != trainer {
            lines.insert(Line(trainer: trainer), at: index)
        }
        lines[index].ranks.append(rank)
    }

    /// Takes the next entry that a process may check and that is still wanted.
    ///
    /// O(trainers), and O(1) on average for each entry that is not wanted any more.
    mutating func take(
        for trainer: TrainerID, where isWanted: (_ rank: Int32, _ filed: TrainerID) -> Bool
    ) -> Int32? {
        for step in 0..<lines.count {
            let index = (turn + step) % lines.count
            if lines[index].trainer == trainer { continue }
            while lines[index].cursor < lines[index].ranks.count {
                let rank = lines[index].ranks[lines[index].cursor]
                lines[index].cursor += 1
                guard isWanted(rank, lines[index].trainer) else { continue }
                turn = (index + 1) % lines.count
                return rank
            }
            lines[index].ranks = []
            lines[index].cursor = 0
        }
        return nil
    }
}
