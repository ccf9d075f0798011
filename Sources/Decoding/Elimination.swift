import Heads
import Numerics

/// Tree elimination in progress: the rows of a test set, grouped by the classes they have left.
struct Elimination: Sendable {
    /// Rows with the same classes left: a range of ``order``.
    private struct Group {
        var classes: ClassSet
        var rows: Range<Int>
    }

    private let features: Matrix
    private let rows: Range<Int>
    /// The rows, those of a group side by side.
    private var order: [Int32]
    private var groups: [Group]
    /// By position in ``order``: the position of the class to drop within its group's classes.
    private var dropped: [Int32]

    /// All of `rows`, with all of `classes` left.
    init(features: Matrix, rows: Range<Int>, classes: ClassSet) {
        self.features = features
        self.rows = rows
        order = rows.map { Int32($0) }
        groups = rows.isEmpty ? [] : [Group(classes: classes, rows: 0..<rows.count)]
        dropped = [Int32](repeating: 0, count: rows.count)
    }

    /// The first class every row has left, which is its prediction once it is the only one.
    var survivors: [Int] {
        var result = [Int](repeating: 0, count: rows.count)
        for group in groups {
            let survivor = group.classes.members[0]
            for position in group.rows {
                result[Int(order[position]) - rows.lowerBound] = survivor
            }
        }
        return result
    }

    /// Asks the head of every group and drops its lowest class in each of the group's rows.
    mutating func dropLowest(asking heads: HeadBank) throws(DecodingError) {
        var asked: [Head] = []
        for group in groups {
            let head = try heads.head(over: group.classes)
            try SchemeDecoder.checkWidth(of: head, features)
            asked.append(head)
        }
        for (group, head) in zip(groups, asked) { findLowest(in: group, head: head) }
        regroup()
    }

    private mutating func findLowest(in group: Group, head: Head) {
        let blockRowCount = LogitKernel.blockRowCount
        let classCount = head.biases.count
        var logits = [Float](repeating: 0, count: classCount * blockRowCount)
        let kernel = LogitKernel(features: features)
        for start in stride(
            from: group.rows.lowerBound, to: group.rows.upperBound, by: blockRowCount)
        {
            let end = min(start + blockRowCount, group.rows.upperBound)
            kernel.fill(&logits, head: head, rows: order[start..<end])
            for row in 0..<end - start {
                var lowest = 0
                for position in 1..<classCount
                where logits[position * blockRowCount + row]
                    <= logits[lowest * blockRowCount + row]
                {
                    lowest = position
                }
                dropped[start + row] = Int32(lowest)
            }
        }
    }

    // A counting sort: groups that meet in the same remaining classes become one.
    private mutating func regroup() {
        var next: [Group] = []
        var nextIndices: [ClassSet: Int] = [:]
        var counts: [Int] = []
        var targets: [[Int]] = []
        for group in groups {
            let members = group.classes.members
            var target = [Int](repeating: -1, count: members.count)
            for position in group.rows {
                let lowest = Int(dropped[position])
                if target[lowest] < 0 {
                    let rest = group.classes.removing(members[lowest])
                    if let index = nextIndices[rest] {
                        target[lowest] = index
                    } else {
                        target[lowest] = next.count
                        nextIndices[rest] = next.count
                        next.append(Group(classes: rest, rows: 0..<0))
                        counts.append(0)
                    }
                }
                counts[target[lowest]] += 1
            }
            targets.append(target)
        }
        var starts: [Int] = []
        var end = 0
        for index in next.indices {
            starts.append(end)
            next[index].rows = end..<end + counts[index]
            end += counts[index]
        }
        var nextOrder = order
        for (group, target) in zip(groups, targets) {
            for position in group.rows {
                let index = target[Int(dropped[position])]
                nextOrder[starts[index]] = order[position]
                starts[index] += 1
            }
        }
        order = nextOrder
        groups = next
    }
}
