import Glibc
import System
import Testing

@Suite struct FileDescriptorsTests {
    @Test func theLimitIsRaisedAndStays() {
        let raised = FileDescriptors.raiseLimit()
        #expect(raised >= 256)
        #expect(FileDescriptors.raiseLimit() == raised)
        var limit = rlimit()
        #expect(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        #expect(Int(clamping: limit.rlim_cur) == raised)
    }
}
