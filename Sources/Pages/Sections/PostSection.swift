import Decoding
import Display
import Study

/// The post's table beside what was measured, per data set and fraction, for each arm.
///
/// Differences from the post stand only where the study is the post's job and the heads are trained
/// as the post trained them.
struct PostSection {
    let outlines: [StudyOutline]
    /// Nil where unknown.
    let settings: StudySettings?

    private static let schemes: [Scheme] = [
        .oneVsAll, .oneVsAllEqualSteps, .oneVsAllRefit, .softVote, .treeElimination,
    ]

    /// What makes the study another job than the post's; empty for the same job.
    private var differences: [String] {
        settings?.differences(from: .post) ?? ["settings not known"]
    }

    /// The title of the section.
    var title: String {
        differences.isEmpty
            ? "The post's table and ours" : "The post's table, and ours of another job"
    }

    func rendered() -> String {
        let comparison =
            differences.isEmpty
            ? "the small numbers, where heads are trained as the post trained them, are ours minus the post's, in percentage points."
            : "as this study is another job, the two are not compared."
        var text = """
            <p>Test accuracy in percent, mean ± standard deviation over the trials. The post's numbers \
            have the two digits it printed; \(comparison) \
            <a href="\(PostNumbers.address)">The post</a> does not say on how many classes it \
            was measured; its code keeps the first five and every tenth row.</p>

            """
        for outline in outlines {
            let isInPost = outline.fractions.contains { post(outline, $0, .oneVsAll) != nil }
            text += Markup.heading(outline.title + (isInPost ? other : ""))
            text += table(outline, isInPost: isInPost)
        }
        return text
    }

    /// What differs from the post's job, for headings.
    private var other: String {
        differences.isEmpty
            ? "" : ", another job than the post's: " + differences.joined(separator: ", ")
    }

    private func table(_ outline: StudyOutline, isInPost: Bool) -> String {
        let schemes = Self.schemes.filter { scheme in
            scheme == .oneVsAll || outline.schemes.contains(scheme)
        }
        var table = HTMLTable(
            caption: outline.title
                + (isInPost ? ": the post and ours" : ": ours (the post has no numbers)"),
            titles: ["heads"] + schemes.map { $0.postTitle } + ["trials"])
        for fraction in outline.fractions {
            table.beginGroup(StudyNames.rows(fraction))
            if schemes.contains(where: { post(outline, fraction, $0) != nil }) {
                let cells = schemes.map { scheme in
                    post(outline, fraction, scheme).map(Self.words) ?? ""
                }
                let name = differences.isEmpty ? "the post" : "the post, another job"
                table.add([name] + cells + ["10"], "post")
            }
            for arm in outline.arms.isEmpty ? outline.allArms : outline.arms {
                let found = schemes.map { outline.cell(fraction, arm, $0) }
                let own = schemes.lazy.compactMap { outline.ownCell(fraction, arm, $0) }
                guard let any = own.first ?? found.lazy.compactMap({ $0 }).first else { continue }
                let cells = zip(schemes, found).map { scheme, cell in
                    cell.map { words($0, outline, scheme) } ?? StudyFormat.nothing
                }
                table.add(
                    [arm.title] + cells + ["\(any.accuracies.count)"])
            }
        }
        return table.rendered()
    }

    private func post(
        _ outline: StudyOutline, _ fraction: Double, _ scheme: Scheme
    ) -> PostNumbers.Entry? {
        PostNumbers.entry(dataset: outline.dataset.name, fraction: fraction, scheme: scheme)
    }

    private static func words(_ entry: PostNumbers.Entry) -> String {
        Format.decimal(entry.mean * 100, places: 0) + " ± "
            + Format.decimal(entry.deviation * 100, places: 0)
    }

    private func words(
        _ cell: StudyCell, _ outline: StudyOutline, _ scheme: Scheme
    ) -> String {
        let number = StudyFormat.meanAndDeviation(cell)
        guard differences.isEmpty, cell.arm.isThePosts,
            let entry = post(outline, cell.fraction, scheme)
        else { return number }
        let difference = StudyFormat.points(cell.meanAccuracy - entry.mean, places: 1)
        return "\(number) <small>\(difference)</small>"
    }
}
