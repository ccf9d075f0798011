import Numerics

/// The incomplete beta function and what it is made of.
///
/// From it come Student's t and the binomial distribution, which is all that the tests need.
enum Beta {
    /// The regularised incomplete beta function `I_x(a, b)`, with `y = 1 - x` given apart so that
    /// neither loses digits near an end.
    ///
    /// Lentz's continued fraction (Lentz 1976, as modified by Thompson and Barnett 1986; NIST DLMF
    /// 8.17.22) on the side of the mean where it converges fast, in about `sqrt(max(a, b))` steps.
    /// Relative error below 1e-11 for `a` and `b` from 0.5 to 1e5 on that side; on the other the
    /// result is one minus it, with that absolute error.
    ///
    /// - Parameters: `a` and `b` above 0, `x` and `y` from 0 to 1.
    static func regularised(x: Double, y: Double, a: Double, b: Double) -> Double {
        if x <= 0 { return 0 }
        if y <= 0 { return 1 }
        if x > (a + 1) / (a + b + 2) {
            return 1 - front(x: y, y: x, a: b, b: a) / fraction(y, a: b, b: a)
        }
        return front(x: x, y: y, a: a, b: b) / fraction(x, a: a, b: b)
    }

    /// `x^a y^b / (a B(a, b))`.
    private static func front(x: Double, y: Double, a: Double, b: Double) -> Double {
        let logX = x > 0.5 ? Double.reproducibleLogarithmOfOnePlus(-y) : .reproducibleLogarithm(x)
        let logY = y > 0.5 ? Double.reproducibleLogarithmOfOnePlus(-x) : .reproducibleLogarithm(y)
        return Double.reproducibleExponential(a * logX + b * logY - logarithm(a, b)) / a
    }

    /// The continued fraction `1 + d1/(1 + d2/(1 + ...))` of DLMF 8.17.22.
    private static func fraction(_ x: Double, a: Double, b: Double) -> Double {
        let tiny = 1e-300
        var value = 1.0
        var upper = 1.0
        var lower = 0.0
        let stepCountMax = 200 + 10 * Int(max(a, b).squareRoot())
        for step in 1...stepCountMax {
            let half = Double(step / 2)
            let numerator =
                step % 2 == 0
                ? half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
                : -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
            lower = 1 + numerator * lower
            upper = 1 + numerator / upper
            if abs(lower) < tiny { lower = tiny }
            if abs(upper) < tiny { upper = tiny }
            lower = 1 / lower
            let factor = upper * lower
            value *= factor
            if abs(factor - 1) < 1e-16 { break }
        }
        return value
    }

    /// The natural logarithm of the beta function.
    ///
    /// Both arguments are raised to 10 by `B(a, b) = B(a + 1, b) (a + b) / a`, from where
    /// Stirling's series (DLMF 5.11.1) is good to the last digits. The large terms of the three
    /// gamma functions are combined before they are rounded.
    static func logarithm(_ a: Double, _ b: Double) -> Double {
        var (small, large) = (min(a, b), max(a, b))
        var factor = 1.0
        while small < 10 {
            factor *= (small + large) / small
            small += 1
        }
        while large < 10 {
            factor *= (small + large) / large
            large += 1
        }
        if small > large { swap(&small, &large) }
        let halfLogOfTwoPi = 0.918_938_533_204_672_74
        let corrections = stirling(small) + stirling(large) - stirling(small + large)
        return halfLogOfTwoPi + corrections - 0.5 * Double.reproducibleLogarithm(large)
            + (small - 0.5) * Double.reproducibleLogarithm(small / (small + large))
            - large * Double.reproducibleLogarithmOfOnePlus(small / large)
            + Double.reproducibleLogarithm(factor)
    }

    /// What the logarithm of the gamma function is above `(x - 1/2) ln x - x + ln(2 pi) / 2`, from
    /// `x = 10` on: the terms `B_2k / (2k (2k - 1) x^(2k-1))`.
    private static func stirling(_ x: Double) -> Double {
        let square = 1 / (x * x)
        var sum = 1.0 / 156
        sum = sum * square - 691.0 / 360_360
        sum = sum * square + 1.0 / 1_188
        sum = sum * square - 1.0 / 1_680
        sum = sum * square + 1.0 / 1_260
        sum = sum * square - 1.0 / 360
        return (sum * square + 1.0 / 12) / x
    }
}
