"""Names, addresses, ports, strangers and links that are not as usual."""

import http.server
import socket
import threading
import time

from link import Link, free_pair
from trial import Skip, Wrong, as_user, case, in_namespace, needs_root

WAIT = ("--wait", "3")


def worker_to(place, address, *says, under=(), **more):
    """A worker that nobody answers says why before it gives up."""
    place.run(place.worker, "--connect", address, *WAIT, under=under, limit=30, **more).refuses(
        {64, 69}, *says)


def waiting(place, *more, **others):
    """A coordinator that waits for workers, and its port; the next one is the broadcast's."""
    port = free_pair()
    run = place.start(*place.job("--bind", f"tcp://127.0.0.1:{port}", *more, **others))
    run.wait_for("workers connect to")
    return run, port


@case("networks: an unknown host name")
def _(place):
    worker_to(place, "tcp://no-such-host.invalid:5555",
              "not known|resolve|no address|name resolution|unknown")


@case("networks: a malformed address")
def _(place):
    worker_to(place, "tcp://300.1.1.1:5", r"300\.1\.1\.1", "not known|resolve|no address|unknown|"
              "name resolution|not an address")


@case("networks: nobody listens there")
def _(place):
    worker_to(place, "tcp://127.0.0.1:1", "refused")


@case("networks: no route")
def _(place):
    worker_to(place, "tcp://192.0.2.1:5555", "unreachable|no route",
              under=in_namespace("-n", "ip link set lo up"))


@case("networks: a web server there")
def _(place):
    class Quiet(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        worker_to(place, f"tcp://127.0.0.1:{server.server_port}",
                  "no coordinator|not a coordinator|another (program|protocol)|handshake|http")
    finally:
        server.shutdown()
        server.server_close()


@case("networks: a server that says nothing")
def _(place):
    with socket.create_server(("127.0.0.1", 0)) as server:
        worker_to(place, f"tcp://127.0.0.1:{server.getsockname()[1]}", "answer|nothing|handshake")


@case("networks: the feature port in the control port's place")
def _(place):
    run, port = waiting(place)
    worker_to(place, f"tcp://127.0.0.1:{port + 1}", "port")


@case("networks: IPv6")
def _(place):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        raise Skip("needs ::1") from None
    place.run(*place.job("--workers", "2", "--bind", "tcp://[::1]:0")).expect(0)


@case("networks: --bind to a host's name")
def _(place):
    place.run(*place.job("--workers", "1", "--bind", "tcp://localhost:0")).expect(0)


@case("networks: --bind to an unknown host name")
def _(place):
    place.run(*place.job("--workers", "1", "--bind", "tcp://no-such-host.invalid:0", "--insecure")
              ).refuses({64, 69}, "not known|resolve|no address|name resolution|unknown")


@case("networks: --bind to an address of another machine")
def _(place):
    place.run(*place.job("--workers", "1", "--bind", "tcp://192.0.2.1:5555", "--insecure")
              ).refuses(69, r"192\.0\.2\.1")


@case("networks: the port is taken")
def _(place):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        place.run(*place.job("--workers", "1", "--bind", f"tcp://127.0.0.1:{port}")).refuses(
            69, str(port), "in use")


@case("networks: the port after it is taken")
def _(place):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        place.run(*place.job("--workers", "1", "--bind", f"tcp://127.0.0.1:{port - 1}")).refuses(
            69, str(port), "in use")


@case("networks: a port for the system alone")
def _(place):
    needs_root()
    place.folder.chmod(0o777)
    script = "ip link set lo up; echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start"
    place.run(*place.job("--workers", "1", "--bind", "tcp://127.0.0.1:80"),
              under=[*in_namespace("-n", script), *as_user()]).refuses(69, "80", "permission|not allowed")


@case("networks: open to others without keys")
def _(place):
    place.run(*place.job("--workers", "1", "--bind", "tcp://0.0.0.0:0")).refuses(64, "insecure")


@case("networks: no network at all")
def _(place):
    outcome = place.run(*place.job("--workers", "1", *WAIT), limit=60,
                        under=in_namespace("-n", "true")).expect({0, 69})
    if outcome.status:
        outcome.refuses(69)


@case("networks: a coordinator that comes late")
def _(place):
    port = free_pair()
    worker = place.start(place.worker, "--connect", f"tcp://127.0.0.1:{port}")
    worker.wait_for("connect")
    place.run(*place.job("--bind", f"tcp://127.0.0.1:{port}")).expect(0)
    worker.finish().expect(0)


@case("networks: noise from a stranger")
def _(place):
    run, port = waiting(place)
    for number in (port, port + 1):
        for noise in (b"GET / HTTP/1.0\r\n\r\n", bytes(range(256)) * 20, b"\xff" + bytes(9)):
            with socket.create_connection(("127.0.0.1", number)) as stranger:
                stranger.sendall(noise)
    place.run(place.worker, "--connect", f"tcp://127.0.0.1:{port}").expect(0)
    run.finish().expect(0)


def slow(place, rate, worker_count, limit):
    """Workers behind one link of `rate` bytes a second: each chunk is carried once to each."""
    features = place.shared / "wide-x.npy", place.shared / "wide-y.npy"
    run, port = waiting(place, "--min-workers", str(worker_count), features=features)
    with Link(port, rate) as link:
        began = time.monotonic()
        workers = [place.start(place.worker, "--connect", f"tcp://{link.ADDRESS}:{port}",
                               "--threads", "1", "--name", f"far-{number}")
                   for number in range(worker_count)]
        for worker in workers:
            worker.finish(limit).expect(0)
        seconds = time.monotonic() - began
        run.finish().expect(0)
        results = place.results()
        wanted = results["data"]["feature_bytes"] * worker_count
        # Handshakes, heartbeats and leases come on top.
        if link.carried > 1.1 * wanted + 20_000 * worker_count:
            raise Wrong(f"{link.carried:,} bytes carried for {wanted:,} of features")
        if seconds > 1.2 * wanted / rate + 10:
            raise Wrong(f"{seconds:.0f} s for {wanted:,} bytes at {rate:,} a second")
    again = [worker for worker in workers if "reconnect" in worker.said()]
    if again:
        raise Wrong(f"{len(again)} workers connected again")


def slow_case(name, rate, worker_count, limit):
    @case(f"networks: {name}")
    def _(place):
        slow(place, rate, worker_count, limit)


for each in (("a link of 20 KB/s", 20_000, 1, 90), ("a link of 50 KB/s", 50_000, 1, 60),
             ("a link of 200 KB/s", 200_000, 1, 60),
             ("eight workers behind 200 KB/s together", 200_000, 8, 120)):
    slow_case(*each)


@case("networks: a link that is cut and comes back")
def _(place):
    run, port = waiting(place, "--head-epochs", "5000")
    with Link(port, 10_000_000) as link:
        worker = place.start(place.worker, "--connect", f"tcp://{link.ADDRESS}:{port}")
        run.wait_for("joined")
        link.cut()
        run.finish(120).expect(0)
        worker.finish(60).expect(0)
