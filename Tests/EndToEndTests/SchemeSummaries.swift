import RunFolder

extension [String: RunResults.SchemeSummary] {
    /// Of the backbone's own softmax, which every run has.
    var oneVsAll: RunResults.SchemeSummary {
        guard let summary = self["one_vs_all"] else { preconditionFailure("no one_vs_all") }
        return summary
    }
    var oneVsAllRefit: RunResults.SchemeSummary? { self["one_vs_all_refit"] }
    var allVsAll: RunResults.SchemeSummary? { self["all_vs_all"] }
    var allVsAllHardVote: RunResults.SchemeSummary? { self["all_vs_all_hard_vote"] }
    var allVsAllCoupling: RunResults.SchemeSummary? { self["all_vs_all_coupling"] }
    var dag: RunResults.SchemeSummary? { self["dag"] }
    var tree: RunResults.SchemeSummary? { self["tree"] }
}
