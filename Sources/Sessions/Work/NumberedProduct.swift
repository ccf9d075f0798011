package import Scheduling
package import WireProtocol

/// What came of a piece of work, under the work's number.
package struct NumberedProduct: Equatable, Sendable {
    /// The work's position in its job.
    package let id: WorkID
    /// What came of it.
    package let product: Product

    /// A product under its number.
    package init(id: WorkID, product: Product) {
        self.id = id
        self.product = product
    }
}
