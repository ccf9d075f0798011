#!/usr/bin/env bash
# Package:      libzmq 4.3.5 as in pyzmq 27.3.0 (ZMQ_HEARTBEAT_IVL and _TIMEOUT)
# Guess:        a heartbeat asks whether the peer is alive, so bytes that keep
#               arriving are an answer.
# What happens: only whole frames count, and the peer's answer waits behind the frame
#               that is under way. A frame that takes longer than the timeout on a
#               slow link is cut off in the middle, though bytes come all the time;
#               libzmq connects again, and the message is lost. Without heartbeats
#               the same message arrives on the same link.
# Output seen (2026-11-30):
#   libzmq 4.3.5, 1048576 bytes at 262144 bytes/s: 4 s
#   without heartbeats: arrives, one connection
#   timeout of 1 s: is lost, connected again
#   AS STATED: a frame that takes longer than the heartbeat's timeout never arrives.
# Exit status: 0 and a sentence when it is as stated, 1 and a sentence when not.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    'pyzmq==27.3.0'
cd "$work"

venv/bin/python - <<'PY'
import socket
import sys
import threading
import time

import zmq

BYTES_PER_SECOND = 256 << 10
MESSAGE = 1 << 20


def forwarder(target):
    """A slow link: passes on what comes, both ways, a slice every 50 ms."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections = []

    def pump(source, sink):
        try:
            while data := source.recv(BYTES_PER_SECOND // 20):
                sink.sendall(data)
                time.sleep(len(data) / BYTES_PER_SECOND)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def serve():
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", target))
            connections.append(near)
            for pair in ((near, far), (far, near)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1], connections


def trial(heartbeats):
    context = zmq.Context()
    receiver, sender = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    if heartbeats:
        receiver.setsockopt(zmq.HEARTBEAT_IVL, 300)
        receiver.setsockopt(zmq.HEARTBEAT_TIMEOUT, 1_000)
    port = receiver.bind_to_random_port("tcp://127.0.0.1")
    slow, connections = forwarder(port)
    sender.connect(f"tcp://127.0.0.1:{slow}")
    sender.send(b"first")
    receiver.recv()
    sender.send(bytes(MESSAGE))
    found = receiver.poll(12_000) != 0
    context.destroy(linger=0)
    return found, len(connections)


seconds = MESSAGE / BYTES_PER_SECOND
print(f"libzmq {zmq.zmq_version()}, {MESSAGE} bytes at {BYTES_PER_SECOND} bytes/s: {seconds:.0f} s")
plain, beating = trial(False), trial(True)
for name, (found, count) in (("without heartbeats", plain), ("timeout of 1 s", beating)):
    print(f"{name}: {'arrives' if found else 'is lost'}, {'one connection' if count == 1 else 'connected again'}")
if not (plain == (True, 1) and not beating[0] and beating[1] > 1):
    sys.exit("CHANGED: heartbeats no longer end a connection over which a large frame comes slowly.")
print("AS STATED: a frame that takes longer than the heartbeat's timeout never arrives.")
PY
