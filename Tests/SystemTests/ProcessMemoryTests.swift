import System
import Testing

@Suite struct ProcessMemoryTests {
    @Test func thePeakGrowsWithWhatIsTouched() {
        let byteCount = 64 << 20
        let block = [UInt8](repeating: 1, count: byteCount)
        #expect(block[byteCount - 1] == 1)
        #expect(ProcessMemory.peakByteCount() > byteCount)
    }
}
