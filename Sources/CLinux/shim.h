#ifndef MANYHEADS_CLINUX_SHIM_H
#define MANYHEADS_CLINUX_SHIM_H

// What Swift's Glibc module leaves out.
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

// How many processors the calling thread may run on, or -1. The call itself, because glibc declares
// its own only for `_GNU_SOURCE`, with which no module is built; in C, because it is variadic.
static inline int manyheads_processor_count(void)
{
    // Room for 65,536 processors; Linux knows 8,192 at most.
    unsigned long mask[1024];
    long byte_count = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    if (byte_count < 0) return -1;
    int count = 0;
    for (unsigned long i = 0; i < byte_count / sizeof mask[0]; i++) {
        count += __builtin_popcountl(mask[i]);
    }
    return count;
}

#endif
