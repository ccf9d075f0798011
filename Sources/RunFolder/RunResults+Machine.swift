extension RunResults {
    /// The coordinator's own machine.
    ///
    /// The bits of a backbone's features depend on its processor and its threads; those of heads on
    /// neither.
    package struct CoordinatorSummary: Codable, Sendable, Equatable {
        /// The machine's name.
        package var host: String
        /// What the system calls its processor; nil where it does not tell.
        package var processor: String?
        /// The widest instruction set of it that kernels use, as in `avx2`.
        package var isa: String
        /// Threads of the backbone and the evaluation.
        package var threads: Int

        /// A machine of these properties.
        package init(host: String, processor: String?, isa: String, threads: Int) {
            self.host = host
            self.processor = processor
            self.isa = isa
            self.threads = threads
        }
    }
}
