import Heads
import Numerics

extension ClassProbabilities {
    /// The probabilities after a calibration; what is predicted stays.
    package func calibrated(_ calibration: Calibration) -> ClassProbabilities {
        guard calibration.temperature != 1 else { return self }
        let exponent = 1 / calibration.temperature
        var result = ClassProbabilities(
            classes: ClassSet(classes), rowCount: rowCount, values: values)
        for row in 0..<rowCount {
            let top = topPosition(of: row)
            let greatest = self[row, top]
            var sum = 0.0
            for position in classes.indices {
                let ratio = self[row, position] / greatest
                // Of the greatest, so that the greatest is 1 and nothing overflows.
                let power =
                    ratio > 0
                    ? Double.reproducibleExponential(
                        exponent * Double.reproducibleLogarithm(ratio)) : 0
                result[row, position] = power
                sum += power
            }
            for position in classes.indices { result[row, position] /= sum }
            result.settle(row, on: top)
        }
        return result
    }
}
