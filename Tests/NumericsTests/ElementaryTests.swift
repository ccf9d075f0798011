import Foundation
import Numerics
import Testing

/// The logarithms and the exponential function that every report and simulation is computed with.
@Suite struct ElementaryTests {
    @Test func agreesWithTheCLibrary() {
        var worst = (logarithm: 0.0, onePlus: 0.0, exponential: 0.0)
        for step in 1...20_000 {
            let x = pow(10, Double(step) / 50 - 200)
            let small = -0.3 + Double(step) / 10_000
            let power = Double(step) / 14.2 - 704
            func units(_ value: Double, _ exact: Double) -> Double {
                abs(value - exact) / exact.ulp
            }
            worst.logarithm = max(worst.logarithm, units(.reproducibleLogarithm(x), log(x)))
            worst.onePlus = max(
                worst.onePlus, units(.reproducibleLogarithmOfOnePlus(small), log1p(small)))
            worst.exponential = max(
                worst.exponential, units(.reproducibleExponential(power), exp(power)))
        }
        #expect(worst.logarithm <= 3)
        #expect(worst.onePlus <= 4)
        #expect(worst.exponential <= 2)
        let least = Double.leastNonzeroMagnitude
        #expect(Double.reproducibleLogarithm(1) == 0)
        #expect(Double.reproducibleLogarithm(0) == -.infinity)
        #expect(Double.reproducibleLogarithm(.infinity) == .infinity)
        #expect(Double.reproducibleLogarithm(-1).isNaN)
        #expect(abs(Double.reproducibleLogarithm(least) / log(least) - 1) < 1e-10)
        #expect(Double.reproducibleExponential(0) == 1)
        #expect(Double.reproducibleExponential(-.infinity) == 0)
        #expect(Double.reproducibleExponential(710) == .infinity)
        #expect(Double.reproducibleExponential(.nan).isNaN)
        #expect(abs(Double.reproducibleExponential(709.7) / exp(709.7) - 1) < 1e-10)
        #expect(abs(Double.reproducibleExponential(-740) / exp(-740) - 1) < 1e-2)
    }

    /// Reports and simulations have the same digits wherever they are made: these bits never change.
    @Test func bitsNeverChange() {
        var hash = FNV1a()
        for step in 1...20_000 {
            let place = Double(step) / 10_000
            // Every binade of the logarithm, the range of the exponential, both sides of zero.
            let x = Double(sign: .plus, exponent: step % 2_000 - 1_000, significand: 1 + place / 2)
            hash.add(Double.reproducibleLogarithm(x).bitPattern)
            hash.add(Double.reproducibleLogarithmOfOnePlus(place - 0.9).bitPattern)
            hash.add(Double.reproducibleExponential(700 * (place - 1)).bitPattern)
        }
        #expect(hash.value == 0xE879_719A_30EE_B403)
    }
}
