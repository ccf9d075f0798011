"""A link of so many bytes a second between workers and a coordinator, both of its ports."""

import socket
import threading
import time


def free_pair():
    """A port of this machine that is free, as the next one is."""
    for _ in range(100):
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = first.getsockname()[1]
            try:
                socket.create_server(("127.0.0.1", port + 1)).close()
                return port
            except (OSError, OverflowError):
                continue
    raise OSError("no two free ports in a row")


class Link:
    """Forwards a port and the next one from another address; what goes to workers shares the rate.

    The ports are the same there, since a coordinator tells its workers the port of its broadcast.
    """

    ADDRESS = "127.0.0.2"

    def __init__(self, port, rate):
        self.rate, self.carried = rate, 0
        self.lock, self.free_at = threading.Lock(), time.monotonic()
        self.connections, self.is_open = set(), True
        self.servers = []
        for number in (port, port + 1):
            server = socket.create_server((self.ADDRESS, number))
            self.servers.append(server)
            threading.Thread(target=self._accept, args=(server, number), daemon=True).start()

    def _accept(self, server, port):
        while self.is_open:
            try:
                near, _ = server.accept()
            except OSError:
                return
            try:
                # Little is under way at once, as on a line and not as in a big buffer.
                near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
                far = socket.socket()
                far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
                far.connect(("127.0.0.1", port))
            except OSError:
                near.close()
                continue
            self.connections |= {near, far}
            for source, target, counts in ((near, far, False), (far, near, True)):
                threading.Thread(
                    target=self._forward, args=(source, target, counts), daemon=True).start()

    def _forward(self, source, target, counts):
        try:
            while block := source.recv(4_096):
                if counts:
                    self._take_turn(len(block))
                target.sendall(block)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _take_turn(self, count):
        with self.lock:
            self.carried += count
            self.free_at = max(self.free_at, time.monotonic()) + count / self.rate
            until = self.free_at
        time.sleep(max(0, until - time.monotonic()))

    def cut(self):
        """Closes what is connected; who connects again is let through."""
        for end in list(self.connections):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_open = False
        for server in self.servers:
            server.close()
        self.cut()
        for end in self.connections:
            end.close()
