import LeNet
import Testing

@Suite struct OperationTests {
    // By hand for 1 x 28 x 28: 26² outputs of 32 channels by 9 weights, 24² of 64 by 32 · 9, and
    // 12² · 64 pooled numbers by 256; ten classes add 2,560 multiply-adds.
    @Test func operationsOfAnImage() {
        let configuration = BackboneConfiguration(
            channelCount: 1, height: 28, width: 28, classCount: 10, seed: 0, threadCount: 1)
        #expect(configuration.featureFlops == 2 * (194_688 + 10_616_832 + 2_359_296))
        #expect(configuration.forwardFlops == configuration.featureFlops + 5_120)
    }
}
