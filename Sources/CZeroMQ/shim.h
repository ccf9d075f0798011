#ifndef MANYHEADS_CZEROMQ_SHIM_H
#define MANYHEADS_CZEROMQ_SHIM_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
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

// Of a TCP connection: its port on this side, or on the other, and the bytes that the other end's
// kernel has acknowledged and that ours has received. 0, or -1 for any other file descriptor, a
// listening socket among them. In C, because glibc's tcp_info ends before those counts (120 bytes
// into the kernel's), and for the address casts.
static inline int manyheads_connection(
    int fd, int is_remote, unsigned short *port, unsigned long long *acknowledged,
    unsigned long long *received)
{
    struct {
        unsigned char state;
        unsigned char others[119];
        unsigned long long acknowledged;
        unsigned long long received;
    } info = {0};
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || size < sizeof info) return -1;
    if (info.state == TCP_LISTEN) return -1;
    struct sockaddr_in6 address = {0};
    size = sizeof address;
    struct sockaddr *plain = (struct sockaddr *)&address;
    if ((is_remote ? getpeername(fd, plain, &size) : getsockname(fd, plain, &size)) != 0) return -1;
    // The port lies at the same place in both families' addresses.
    *port = ntohs(address.sin6_port);
    *acknowledged = info.acknowledged;
    *received = info.received;
    return 0;
}

// The descriptor of the connection that a message came over, or -1; the property is an enumerator of
// an anonymous enum or a macro, by version.
static inline int manyheads_source(zmq_msg_t *message)
{
    return zmq_msg_get(message, ZMQ_SRCFD);
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
