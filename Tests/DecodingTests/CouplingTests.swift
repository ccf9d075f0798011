import Decoding
import Heads
import Numerics
import Testing

extension PairwiseCoupling {
    /// The same pair for all rows.
    fileprivate mutating func setPair(_ first: Int, _ second: Int, _ probability: Double) {
        setPair(first, second, probabilities: SIMD4(repeating: probability))
    }

    /// The first row's probabilities.
    fileprivate var alone: [Double] { probabilities.map { $0[0] } }
}

@Suite struct CouplingTests {
    /// Wu, Lin and Weng's equation 23 by Gaussian elimination with pivots: the minimum of p' Q p
    /// under the sum of p being 1, as one linear system.
    private func direct(_ pairs: [[Double]]) -> [Double] {
        let count = pairs.count
        var system = [[Double]](
            repeating: [Double](repeating: 0, count: count + 2), count: count + 1)
        for row in 0..<count {
            for column in 0..<count where column != row {
                system[row][row] += pairs[column][row] * pairs[column][row]
                system[row][column] = -pairs[column][row] * pairs[row][column]
            }
            system[row][count] = 1
            system[count][row] = 1
        }
        system[count][count + 1] = 1
        for step in 0...count {
            let pivot = (step...count).max { abs(system[$0][step]) < abs(system[$1][step]) } ?? step
            system.swapAt(step, pivot)
            for row in 0...count where row != step {
                let factor = system[row][step] / system[step][step]
                for column in step...count + 1 {
                    system[row][column] -= factor * system[step][column]
                }
            }
        }
        return (0..<count).map { system[$0][count + 1] / system[$0][$0] }
    }

    @Test(arguments: [2, 3, 5, 10, 20], [0.5, 3, 12, 40] as [Double])
    func iterationAgreesWithTheLinearSystem(classCount: Int, scale: Double) {
        let random = randomValues(100 * classCount * classCount, seed: 91)
        for trial in 0..<100 {
            var coupling = PairwiseCoupling(classCount: classCount)
            var pairs = [[Double]](
                repeating: [Double](repeating: 0, count: classCount), count: classCount)
            for second in 1..<classCount {
                for first in 0..<second {
                    let place = (trial * classCount + second) * classCount + first
                    let raw =
                        1
                        / (1
                            + Double(
                                Float.reproducibleExponential(
                                    -abs(random[place]) * Float(scale))))
                    let probability = random[place] < 0 ? 1 - raw : raw
                    let clipped = min(max(probability, 1e-7), 1 - 1e-7)
                    pairs[first][second] = clipped
                    pairs[second][first] = 1 - clipped
                    // The setter clips, in either order of the two.
                    if trial % 2 == 0 {
                        coupling.setPair(first, second, probability)
                    } else {
                        coupling.setPair(second, first, 1 - probability)
                    }
                }
            }
            let winner = coupling.solve()[0]
            let expected = direct(pairs)
            let worst = zip(coupling.alone, expected).reduce(0) {
                max($0, abs($1.0 - $1.1))
            }
            #expect(worst < 1e-9, "trial \(trial)")
            #expect(coupling.alone.allSatisfy { $0 > 0 })
            #expect(coupling.alone[winner] == coupling.alone.max())
            let highest = expected.max() ?? .nan
            #expect(expected[winner] > highest - 1e-9)
        }
    }

    // Rows that need few rounds beside rows that need many.
    @Test(arguments: [2, 3, 10]) func rowsSideBySideAreAsAlone(classCount: Int) {
        let random = randomValues(4 * classCount * classCount, seed: 93).map { Double($0) }
        let scales = [0.01, 1, 30, 5]
        var together = PairwiseCoupling(classCount: classCount)
        var alone = (0..<4).map { _ in PairwiseCoupling(classCount: classCount) }
        for second in 1..<classCount {
            for first in 0..<second {
                var row = SIMD4<Double>.zero
                for lane in 0..<4 {
                    let value = random[(first * classCount + second) * 4 + lane] * scales[lane]
                    row[lane] = min(max(0.5 + value, 0), 1)
                    alone[lane].setPair(first, second, row[lane])
                }
                together.setPair(first, second, probabilities: row)
            }
        }
        let winners = together.solve()
        for lane in 0..<4 {
            #expect(alone[lane].solve()[0] == winners[lane])
            #expect(together.probabilities.map { $0[lane] } == alone[lane].alone)
        }
    }

    // Pair probabilities that fit together give back what they come from.
    @Test func consistentPairsAreRecovered() {
        let truth = [0.5, 0.2, 0.15, 0.1, 0.05]
        var coupling = PairwiseCoupling(classCount: 5)
        for second in 1..<5 {
            for first in 0..<second {
                coupling.setPair(
                    first, second, truth[first] / (truth[first] + truth[second]))
            }
        }
        #expect(coupling.solve()[0] == 0)
        #expect(zip(coupling.alone, truth).allSatisfy { abs($0 - $1) < 1e-10 })
    }

    @Test func tiesGoToTheLowest() {
        // All equal; a circle of three, where each beats the next; two leaders over a third.
        var coupling = PairwiseCoupling(classCount: 3)
        #expect(coupling.solve()[0] == 0)
        coupling.setPair(0, 1, 0.9)
        coupling.setPair(1, 2, 0.9)
        coupling.setPair(2, 0, 0.9)
        #expect(coupling.solve()[0] == 0)
        #expect(coupling.alone.allSatisfy { abs($0 - 1.0 / 3) < 1e-10 })
        coupling.setPair(0, 1, 0.1)
        coupling.setPair(2, 0, 0.9)
        coupling.setPair(1, 2, 0.5)
        #expect(coupling.solve()[0] == 1)
    }
}
