import Numerics
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(4))) struct FeatureTableTests {
    /// Weights go where their rows go; rows of weight 0 stay out.
    @Test func groupsWeights() {
        let matrix = Matrix(rowCount: 4, columnCount: 2, values: [1, 2, 3, 4, 5, 6, 7, 8])
        let table = FeatureTable(
            grouping: matrix, labels: [1, 0, 1, 1], classCount: 2, weights: [0.5, 3, 0, 2])
        #expect(table.classRowCounts == [1, 2])
        let features = unsafe table.features.withUnsafeBufferPointer { unsafe Array($0) }
        #expect(features == [3, 4, 1, 2, 7, 8])
        let weights = unsafe table.rowWeights?.withUnsafeBufferPointer { unsafe Array($0) }
        #expect(weights == [3, 0.5, 2])
        #expect(table.weightSum(of: 0) == 3)
        #expect(table.weightSum(of: 1) == 2.5)
        let plain = FeatureTable(grouping: matrix, labels: [1, 0, 1, 1], classCount: 2)
        #expect(plain.rowWeights == nil)
        #expect(plain.weightSum(of: 1) == 3)
    }

    @Test func groupsRowsByClassInOrder() {
        let matrix = Matrix(rowCount: 4, columnCount: 2, values: [0, 1, 2, 3, 4, 5, 6, 7])
        let table = FeatureTable(grouping: matrix, labels: [2, 0, 2, 1], classCount: 4)
        #expect(table.classRowCounts == [1, 1, 2, 0])
        #expect(table.classRowOffsets == [0, 1, 2, 4, 4])
        let values = unsafe table.features.withUnsafeBufferPointer { unsafe Array($0) }
        #expect(values == [2, 3, 6, 7, 0, 1, 4, 5])
    }

    @Test func classesHaveKeysAndAreHeld() {
        let matrix = Matrix(rowCount: 2, columnCount: 1)
        let plain = FeatureTable(grouping: matrix, labels: [2, 0], classCount: 3)
        #expect(plain.classKeys == [0, 1, 2])
        #expect(plain.isHeld == [true, true, true])
        let keyed = FeatureTable(
            grouping: matrix, labels: [1, 0], classCount: 2, classKeys: [.max, 4])
        #expect(keyed.classKeys == [.max, 4])
    }

    @Test func oneKeyForTwoClassesTraps() async {
        await #expect(processExitsWith: .failure) {
            endInTime()
            _ = FeatureTable(
                features: FloatBuffer(count: 2), featureCount: 1, classRowCounts: [1, 1],
                classKeys: [4, 4])
        }
    }

    @Test func rowsOfClassesElsewhereTrap() async {
        await #expect(processExitsWith: .failure) {
            endInTime()
            _ = FeatureTable(
                features: FloatBuffer(count: 2), featureCount: 1, classRowCounts: [1, 1],
                isHeld: [true, false])
        }
    }

    @Test func buffersAreAligned() {
        for count in [0, 1, 17, 4096] {
            let buffer = FloatBuffer(count: count)
            #expect(buffer.count == count)
            let address = unsafe buffer.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
            #expect(address % 64 == 0)
        }
    }
}
