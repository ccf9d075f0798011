import Statistics
import Testing

@Suite struct MedianTests {
    @Test(
        arguments: [
            ([], 0), ([3], 3), ([9, 1, 4], 4), ([4, 1], 2.5), ([8, 1, 5, 2], 3.5),
        ] as [([Double], Double)])
    func liesInTheMiddle(values: [Double], expected: Double) {
        #expect(Median.of(values) == expected)
    }
}
