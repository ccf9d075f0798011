#ifndef MANYHEADS_CZEROMQ_SHIM_H
#define MANYHEADS_CZEROMQ_SHIM_H

#include <sys/eventfd.h>
#include <unistd.h>
#include <malloc.h>
#include <zmq.h>

// eventfd's flags are an anonymous enum, which Swift imports under no usable type; and Swift's
// Glibc module has no sys/eventfd.h at all.
static inline int manyheads_eventfd_new(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

// 0, or -1 with errno. A full counter (EAGAIN) is a signal that is pending already.
static inline int manyheads_eventfd_signal(int fd)
{
    return eventfd_write(fd, 1);
}

// Resets the counter. 0, or -1 with errno (EAGAIN: nothing was pending).
static inline int manyheads_eventfd_drain(int fd)
{
    eventfd_t count;
    return eventfd_read(fd, &count);
}

static inline int manyheads_close(int fd)
{
    return close(fd);
}

// ETERM and EHOSTUNREACH may be libzmq's own numbers; a macro of an expression is not imported.
static inline int manyheads_eterm(void)
{
    return ETERM;
}

// Swift's Glibc module leaves <malloc.h> out, and musl has no mallopt.
static inline void manyheads_keep_freed(int trim_bytes, int map_bytes) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, map_bytes);
    mallopt(M_TRIM_THRESHOLD, trim_bytes);
#else
    (void)trim_bytes;
    (void)map_bytes;
#endif
}

#endif
