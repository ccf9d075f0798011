"""Texts from elsewhere: line ends, encodings, locales, terminals, keys, and typing errors."""

import fcntl
import os
import pty
import re
import struct
import termios

from trial import USER, Wrong, as_user, case, needs_root


def keys(place, *names):
    """A folder with the coordinator's keys and those of workers."""
    arguments = [word for name in names for word in ("--name", name)]
    place.run(place.coordinator, "keygen", "keys", *arguments).expect(0)
    return place.folder / "keys"


def to_crlf(path):
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


@case("texts: a list of hosts with line ends of Windows")
def _(place):
    line = f"{place.worker} --connect {{endpoint}} --name {{name}}\r\n"
    (place.folder / "hosts.txt").write_text(line * 2, newline="")
    job = place.job(folder="benchmark")[2:]
    place.run(place.coordinator, "benchmark", "--workers", "2", "--trials", "1", "--hosts",
              "hosts.txt", *job).expect(0)


@case("texts: a list of keys with line ends of Windows")
def _(place):
    folder = keys(place, "one", "two")
    lines = [re.search(r'public-key = "(.{40})"', (folder / f"{name}.key").read_text())[1]
             + f" {name}" for name in ("one", "two")]
    (place.folder / "allow").write_bytes("".join(line + "\r\n" for line in lines).encode())
    run = place.start(*place.job("--key", folder / "server.key_secret", "--allow", "allow",
                                 "--workers", "1"))
    run.finish().expect(0, "2 worker keys")


@case("texts: key files with line ends of Windows")
def _(place):
    folder = keys(place, "one")
    for path in folder.iterdir():
        to_crlf(path)
    run = place.start(*place.job("--key", folder / "server.key_secret", "--allow", folder))
    endpoint = run.endpoint()
    place.run(place.worker, "--connect", endpoint, "--key", folder / "one.key_secret",
              "--server-key", folder / "server.key", "--wait", "10").expect(0)
    run.finish().expect(0)


@case("texts: labels with line ends of Windows")
def _(place):
    labels = [f"kind {row % 6}" for row in range(300)]
    for name, end in (("unix", "\n"), ("windows", "\r\n")):
        (place.folder / f"{name}.txt").write_text("".join(x + end for x in labels), newline="")
        x = place.shared / "x.npy"
        place.run(*place.job("--workers", "1", features=(x, place.folder / f"{name}.txt"),
                             folder=name)).expect(0)
    for name in ("unix", "windows"):
        if '"kind 5"' not in (place.folder / name / "results.json").read_text():
            raise Wrong(f"another class name with line ends of {name}")


@case("texts: a folder of keys whose name is not UTF-8")
def _(place):
    place.run(place.coordinator, "keygen", b"keys-\xff").refuses(64, "UTF-8")
    if list(place.folder.iterdir()):
        raise Wrong("something was written")


@case("texts: a run folder whose name is not UTF-8")
def _(place):
    place.run(*place.job("--workers", "1", folder=b"run-\xff")).refuses(64, "UTF-8")
    if list(place.folder.iterdir()):
        raise Wrong("something was written")


@case("texts: a worker whose name is not UTF-8")
def _(place):
    place.run(place.worker, "--connect", "tcp://127.0.0.1:1", "--name", b"\xff\xfe").refuses(
        64, "UTF-8")


@case("texts: a worker's name with what moves a cursor")
def _(place):
    run = place.start(*place.job())
    endpoint = run.endpoint()
    worker = place.run(place.worker, "--connect", endpoint, "--name", "a\x1b[2Jb\nc")
    worker.expect({0, 64})
    if worker.status:
        return
    outcome = run.finish().expect(0)
    if "\x1b" in outcome.errors + outcome.output:
        raise Wrong("the coordinator's log moves the cursor")


@case("texts: a typing error in a command")
def _(place):
    place.run(place.coordinator, "rnu").refuses(64, r"rnu.*\brun\b|\brun\b.*rnu", "command")


@case("texts: a typing error in an option")
def _(place):
    place.run(place.coordinator, "run", "--wrokers", "2").refuses(64, "--workers")


@case("texts: a coordinator alone says what it does and how workers join")
def _(place):
    run = place.start(place.coordinator, "--train", place.shared / "x.npy", "--train-labels",
                      place.shared / "y.npy", "--bind", "tcp://127.0.0.1:0", "--run-dir", "run")
    run.wait_for(r"--help")
    run.wait_for(r"worker --connect tcp://")
    run.wait_for(r"\brun\b")


@case("texts: more workers than there can be")
def _(place):
    place.run(*place.job("--min-workers", "99999999")).refuses(64, "--min-workers", "at most|to ")


@case("texts: versions")
def _(place):
    said = set()
    for program in (place.coordinator, place.worker, place.bench):
        outcome = place.run(program, "--version").expect(0)
        said.add(outcome.output)
    if len(said) != 1 or not re.match(r"\d+\.\d+\.\d+ \(commit \S+\)\n$", said.pop()):
        raise Wrong("not one release and one commit")


@case("texts: help of every program")
def _(place):
    for words in ([place.coordinator], [place.coordinator, "run"], [place.worker], [place.bench]):
        if "USAGE" not in place.run(*words, "--help").expect(0).output:
            raise Wrong("no usage")


def plain(place, **environment):
    place.run(*place.job("--workers", "1"), env=environment).expect(0)


@case("texts: an unknown locale")
def _(place):
    plain(place, LC_ALL="xx_YY.UTF-9", LANG="xx")


@case("texts: a locale with commas in its numbers")
def _(place):
    plain(place, LC_ALL="de_DE.UTF-8", LANG="de_DE.UTF-8")


@case("texts: an unknown time zone and terminal")
def _(place):
    plain(place, TZ="Nowhere/Land", TERM="none-such", COLUMNS="-1", LINES="x")


@case("texts: no home, no path, no temporary folder")
def _(place):
    plain(place, HOME=None, PATH=None, TMPDIR="/nonexistent", USER=None, TERM=None)


@case("texts: times in a log that is a file")
def _(place):
    with open(place.folder / "log", "wb") as log:
        place.run(*place.job("--workers", "1"), stderr=log).expect(0)
    ours = [line for line in (place.folder / "log").read_text().splitlines()
            if not re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d", line)]
    if ours:
        raise Wrong(f"no time: {ours[0]}")


def on_terminal(place, width, *argv):
    """What a program shows on a terminal of that width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    try:
        running = place.start(*argv, stdout=slave, stderr=slave, stdin=slave,
                              env={"TERM": "xterm"})
        os.close(slave)
        text = b""
        while True:
            try:
                block = os.read(master, 65_536)
            except OSError:
                break
            if not block:
                break
            text += block
        running.finish(60).expect(0)
    finally:
        os.close(master)
    return text.decode(errors="replace")


@case("texts: tables fit a terminal of 80 columns")
def _(place):
    text = on_terminal(place, 80, *place.job("--workers", "1"))
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).splitlines()
    table = [line.rsplit("\r", 1)[-1] for line in lines if "one-vs-all" in line or "----" in line]
    # A bar of the progress display is drawn with dashes too, and as wide as the terminal.
    wide = [line for line in table if len(line) > 80]
    if not table:
        raise Wrong("no table")
    if wide:
        raise Wrong(f"{len(wide[0])} columns: {wide[0]}")


@case("texts: a terminal of one column")
def _(place):
    on_terminal(place, 1, *place.job("--workers", "1"))


@case("texts: a secret key as Kubernetes mounts it (root's, for a group)")
def _(place):
    needs_root()
    folder = keys(place, "one")
    for path in folder.iterdir():
        os.chown(path, 0, USER)
        path.chmod(0o440)
    folder.chmod(0o755)
    place.folder.chmod(0o777)
    place.run(*place.job("--workers", "1", "--key", folder / "server.key_secret", "--allow", folder),
              under=as_user()).expect(0)


@case("texts: the same, for a container that runs as root")
def _(place):
    needs_root()
    folder = keys(place, "one")
    (folder / "server.key_secret").chmod(0o440)
    place.run(*place.job("--workers", "1", "--key", folder / "server.key_secret", "--allow", folder)
              ).expect(0)


@case("texts: a secret key that everybody may read")
def _(place):
    folder = keys(place, "one")
    (folder / "server.key_secret").chmod(0o644)
    place.run(*place.job("--workers", "1", "--key", folder / "server.key_secret", "--allow", folder)
              ).refuses({64, 65}, "chmod")
