extension BackboneWeights {
    /// All values, tensor after tensor in the order of `tensors`.
    package var values: [Float] { tensors.flatMap(\.values) }

    /// The weights of these values, as ``values`` gives them, for a backbone of this configuration.
    ///
    /// - Throws: `BackboneError.invalidWeights` for another number of values, and what
    ///   `BackboneConfiguration` refuses.
    package init(
        values: [Float], for configuration: BackboneConfiguration
    ) throws(BackboneError) {
        try configuration.check()
        let shapes = configuration.weightShapes
        let wanted = shapes.reduce(0) { $0 + $1.reduce(1, *) }
        guard values.count == wanted else {
            throw .invalidWeights("all tensors", found: [values.count], wanted: [wanted])
        }
        var rest = values[...]
        self.init(
            tensors: shapes.map { shape in
                let count = shape.reduce(1, *)
                defer { rest = rest.dropFirst(count) }
                return BackboneTensor(shape: shape, values: Array(rest.prefix(count)))
            })
    }
}
