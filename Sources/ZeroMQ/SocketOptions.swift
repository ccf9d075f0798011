import CZeroMQ

/// What a socket is told before it is bound or connected.
///
/// The defaults suit a control connection over TCP; `nil` leaves libzmq's own value.
package struct SocketOptions: Sendable {
    /// How long unsent messages keep a closed socket alive; never forever.
    package var lingerMilliseconds: Int32 = 1_000
    /// Messages queued per peer before `send` answers false, or drops where the type drops.
    package var sendHighWaterMark: Int32 = 1_000
    /// Messages queued per peer before the peer is slowed down.
    package var receiveHighWaterMark: Int32 = 1_000
    /// Bytes in one part; a peer that sends more is disconnected before they are allocated.
    package var maxMessageSize: Int64 = 16 << 20
    /// ZMTP handshakes that take longer are dropped.
    package var handshakeMilliseconds: Int32? = 10_000
    /// The kernel's keep-alive probes, which end a connection whose other end is gone after some 35 s.
    ///
    /// Not ZMTP's heartbeats: those count whole frames only, and one of a megabyte takes a minute
    /// over a slow link.
    package var tcpKeepalive = true
    /// First pause before connecting again.
    package var reconnectMilliseconds: Int32 = 1_000
    /// The pause doubles up to this.
    package var reconnectMaxMilliseconds: Int32 = 32_000
    /// Queue only to connections that are up, so that nothing is promised to a peer not there.
    package var immediate = false
    /// Router: an unknown peer throws `unroutable` instead of dropping silently.
    package var routerMandatory = true
    /// Router: a new connection may take over the identity of an old one.
    package var routerHandover = false
    /// XPUB: report every subscription, not only the first of a topic.
    package var xpubVerbose = false
    /// XPUB: report every unsubscription too; includes ``xpubVerbose``.
    package var xpubVerboser = false
    /// XPUB: at the high-water mark `send` answers false instead of dropping.
    package var xpubNoDrop = false
    /// What a router peer calls this socket; libzmq makes one up where it is empty.
    package var identity: [UInt8] = []
    /// How long a waiting `send` waits; nil is forever.
    package var sendTimeoutMilliseconds: Int32?
    /// How long a waiting `receive` waits; nil is forever.
    package var receiveTimeoutMilliseconds: Int32?
    /// Take addresses of IPv6; one that listens at `*` or `[::]` takes both families then.
    package var usesIPv6 = false
    /// How messages are encrypted; nil is not at all.
    package var security: CurveSecurity?
    /// Parts in a received message; more throw `messageTooLarge`.
    package var receivedPartCountMax = 64
    /// Bytes in all parts of a received message; more throw `messageTooLarge`.
    package var receivedByteCountMax = 64 << 20

    /// The defaults.
    package init() {}

    /// Integer options in the order they are set.
    func integers(for kind: Socket.Kind) -> [(option: Int32, value: Int32)] {
        var list: [(option: Int32, value: Int32)] = [
            (ZMQ_LINGER, lingerMilliseconds),
            (ZMQ_SNDHWM, sendHighWaterMark),
            (ZMQ_RCVHWM, receiveHighWaterMark),
            (ZMQ_TCP_KEEPALIVE, tcpKeepalive ? 1 : -1),
            (ZMQ_RECONNECT_IVL, reconnectMilliseconds),
            (ZMQ_RECONNECT_IVL_MAX, reconnectMaxMilliseconds),
            (ZMQ_IMMEDIATE, immediate ? 1 : 0),
            (ZMQ_IPV6, usesIPv6 ? 1 : 0),
        ]
        let optional = [
            (ZMQ_HANDSHAKE_IVL, handshakeMilliseconds),
            (ZMQ_SNDTIMEO, sendTimeoutMilliseconds),
            (ZMQ_RCVTIMEO, receiveTimeoutMilliseconds),
        ]
        if tcpKeepalive {
            list += [
                (ZMQ_TCP_KEEPALIVE_IDLE, 15), (ZMQ_TCP_KEEPALIVE_INTVL, 5),
                (ZMQ_TCP_KEEPALIVE_CNT, 4),
            ]
        }
        for (option, value) in optional {
            if let value { list.append((option, value)) }
        }
        switch kind {
        case .router:
            list.append((ZMQ_ROUTER_MANDATORY, routerMandatory ? 1 : 0))
            list.append((ZMQ_ROUTER_HANDOVER, routerHandover ? 1 : 0))
        case .xpub:
            list.append((ZMQ_XPUB_NODROP, xpubNoDrop ? 1 : 0))
            if xpubVerbose { list.append((ZMQ_XPUB_VERBOSE, 1)) }
            if xpubVerboser { list.append((ZMQ_XPUB_VERBOSER, 1)) }
        case .dealer, .sub, .pair: break
        }
        return list
    }
}
