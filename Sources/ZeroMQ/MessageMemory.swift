import CZeroMQ

/// Where libzmq takes the memory of messages from: the C library's allocator.
package enum MessageMemory {
    /// Has the allocator keep some memory of freed messages for the next ones.
    ///
    /// By itself it maps blocks of a megabyte again for each message, or gives freed ones back and
    /// asks for them again: of a broadcast of 1 MiB chunks a fifteenth of the time was measured to
    /// go there. For the whole process and each of its threads' pools.
    package static func keepFreed(byteCount: Int, ofMessagesUpTo messageByteCount: Int) {
        manyheads_keep_freed(Int32(clamping: byteCount), Int32(clamping: messageByteCount))
    }
}
