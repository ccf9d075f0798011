import Decoding
import Display
import Study

/// The post's table beside what was measured, per data set and fraction, for each arm; then every
/// cell in numbers.
struct PostSection {
    let outlines: [StudyOutline]

    private static let schemes: [Scheme] = [
        .oneVsAll, .oneVsAllEqualSteps, .oneVsAllRefit, .softVote, .treeElimination,
    ]

    func rendered() -> String {
        var text = """
            <p>Test accuracy in percent, mean ± standard deviation over the trials. The post's numbers \
            have the two digits it printed; the small numbers are ours minus the post's, in percentage \
            points. <a href="\(PostNumbers.address)">The post</a> does not say on how many classes it \
            was measured; its code keeps the first five and every tenth row.</p>

            """
        for outline in outlines {
            text += Markup.heading(outline.title) + table(outline)
        }
        return text
    }

    private func table(_ outline: StudyOutline) -> String {
        let schemes = Self.schemes.filter { scheme in
            scheme == .oneVsAll || outline.schemes.contains(scheme)
        }
        let isInPost = outline.fractions.contains { post(outline, $0, .oneVsAll) != nil }
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
                table.add(["the post"] + cells + ["10"], "post")
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
        guard let entry = post(outline, cell.fraction, scheme) else { return number }
        let difference = StudyFormat.points(cell.meanAccuracy - entry.mean, places: 1)
        return "\(number) <small>\(difference)</small>"
    }
}
