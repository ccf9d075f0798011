"""Run folders where writing, locking or synchronising is not as usual, and runs whose files changed."""

import json
import os
import shutil
import sqlite3
import struct
import subprocess

import inputs
from trial import Skip, Wrong, as_user, case, in_namespace, needs_root


@case("files: the run folder's parent may not be written")
def _(place):
    needs_root()
    place.run(*place.job("--workers", "1"), under=as_user()).refuses(73, "permission", "run")


@case("files: the run folder is a file")
def _(place):
    (place.folder / "run").write_text("text")
    place.run(*place.job("--workers", "1")).refuses(73, "run", "not a (folder|directory)|file")


@case("files: the run folder is a link that leads nowhere")
def _(place):
    (place.folder / "run").symlink_to("elsewhere/below")
    place.run(*place.job("--workers", "1")).refuses(73, "run")


@case("files: a full disk")
def _(place):
    (place.folder / "small").mkdir()
    under = in_namespace("-m", f"mount -t tmpfs -o size=64k none {place.folder}/small")
    place.run(*place.job("--workers", "1", folder="small/run"), under=under).refuses(
        73, "full|no space")


@case("files: standard output is full")
def _(place):
    with open("/dev/full", "wb") as full:
        place.run(*place.job("--workers", "1"), stdout=full).refuses(73, "standard output")
    place.results()


@case("files: no standard input, output or error")
def _(place):
    outcome = place.run("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *place.job("--workers", "1"))
    outcome.expect({0, 73})
    place.results()


@case("files: a path of 600 bytes")
def _(place):
    path = place.folder
    for _ in range(6):
        path = path / ("d" * 90)
        path.mkdir()
    outcome = place.run(*place.job("--workers", "1", folder=path / "run")).expect({0, 73})
    if outcome.status:
        outcome.refuses(73, "path|long|bytes")


@case("files: a name of 300 bytes")
def _(place):
    place.run(*place.job("--workers", "1", folder="r" * 300)).refuses(73, "long")


@case("files: spaces, quotes and letters of other scripts in the path")
def _(place):
    place.run(*place.job("--workers", "2", folder="a 'b' \"c\" $d \u6f22\u5b57 \U0001f600")).expect(0)


def shim(place, source):
    """The environment in which a few lines of C stand in front of the system's library."""
    compiler = next(filter(None, map(shutil.which, ("cc", "clang", "gcc"))), None)
    if not compiler:
        raise Skip("needs a C compiler")
    head = ("#define _GNU_SOURCE\n#include <errno.h>\n#include <fcntl.h>\n#include <unistd.h>\n"
            "#include <stdarg.h>\n#include <sys/mman.h>\n#include <sys/stat.h>\n"
            "#include <sys/syscall.h>\n")
    (place.folder / "shim.c").write_text(head + source)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", place.folder / "shim.so",
                    place.folder / "shim.c"], check=True, stderr=subprocess.DEVNULL)
    return {"LD_PRELOAD": os.fspath(place.folder / "shim.so")}


@case("files: a folder that cannot be synchronised (gocryptfs, FUSE)")
def _(place):
    place.run(*place.job("--workers", "1"), env=shim(place, """
        int fsync(int file) {
            struct stat status;
            if (fstat(file, &status) == 0 && S_ISDIR(status.st_mode)) {
                errno = EOPNOTSUPP;
                return -1;
            }
            return syscall(SYS_fsync, file);
        }
        """)).expect(0)


@case("files: a file that cannot be synchronised")
def _(place):
    outcome = place.run(*place.job("--workers", "1"), env=shim(place, """
        int fsync(int file) { errno = EIO; return -1; }
        int fdatasync(int file) { errno = EIO; return -1; }
        """))
    outcome.refuses(73, r"input/output|i/o")


@case("files: no locks (some NFS)")
def _(place):
    outcome = place.run(*place.job("--workers", "1"), env=shim(place, """
        int flock(int file, int operation) { errno = ENOLCK; return -1; }
        int fcntl64(int file, int command, ...) {
            va_list rest;
            va_start(rest, command);
            long argument = va_arg(rest, long);
            va_end(rest);
            if (command == F_SETLK || command == F_SETLKW) { errno = ENOLCK; return -1; }
            return syscall(SYS_fcntl, file, command, argument);
        }
        int fcntl(int, int, ...) __attribute__((alias("fcntl64")));
        """)).expect({0, 73})
    if outcome.status:
        outcome.refuses(73, "lock")


@case("files: no shared memory (SQLite's index)")
def _(place):
    outcome = place.run(*place.job("--workers", "1"), env=shim(place, """
        void *mmap64(void *place, size_t count, int access, int flags, int file, off_t start) {
            if ((flags & MAP_SHARED) && file >= 0 && (access & PROT_WRITE)) {
                errno = ENODEV;
                return MAP_FAILED;
            }
            return (void *)syscall(SYS_mmap, place, count, access, flags, file, start);
        }
        void *mmap(void *, size_t, int, int, int, off_t) __attribute__((alias("mmap64")));
        """)).expect({0, 73})
    if outcome.status:
        outcome.refuses(73, "shared memory|map")


@case("files: a finished run on media that cannot be written")
def _(place):
    run = place.finished()
    script = f"mount --bind {run} {run}; mount -o remount,ro,bind {run}"
    outcome = place.run(*place.job("--workers", "1"), under=in_namespace("-m", script)).expect(0)
    if "one-vs-all" not in outcome.output:
        raise Wrong("it does not print its results")
    place.run(place.coordinator, "evaluate", run, under=in_namespace("-m", script)).expect(0)


@case("files: other programs read a finished journal on such media")
def _(place):
    run = place.finished()
    if (run / "journal.sqlite").read_bytes()[18:20] != b"\x01\x01":
        raise Wrong("it is in WAL mode, which needs files beside it")
    journal = sqlite3.connect(f"file:{run}/journal.sqlite?mode=ro", uri=True)
    count = journal.execute("SELECT count(*) FROM head").fetchone()[0]
    journal.close()
    if count != 57:
        raise Wrong(f"{count} heads")


@case("files: two runs that begin in one second have folders of their own")
def _(place):
    arguments = place.job("--workers", "1")
    index = arguments.index("--run-dir")
    arguments = arguments[:index] + arguments[index + 2:]
    runs = [place.start(*arguments) for _ in range(3)]
    for run in runs:
        run.finish().expect(0)
    if len(list((place.folder / "runs").iterdir())) != 3:
        raise Wrong("not three folders")


@case("files: a run folder that is in use")
def _(place):
    first = place.start(*place.long_job("--workers", "1"))
    first.wait_for("joined")
    place.run(*place.long_job("--workers", "1")).refuses(69, "in use|process")


def put_again(place, spoil, *more):
    """A finished run of which something was lost: the same command makes the same again."""
    run = place.finished()
    before = {name: (run / name).read_bytes() for name in ("predictions.csv", "model.safetensors")}
    spoil(run)
    place.run(*place.job("--workers", "1", *more)).expect(0)
    for name, content in before.items():
        if not (run / name).exists() or (run / name).read_bytes() != content:
            raise Wrong(f"{name} is not there as before")
    return run


@case("files: a finished run without its predictions")
def _(place):
    put_again(place, lambda run: (run / "predictions.csv").unlink())


@case("files: a finished run with half its model")
def _(place):
    put_again(place, lambda run: os.truncate(run / "model.safetensors", 1_000))


@case("files: features of a finished run are asked for")
def _(place):
    run = put_again(place, lambda run: None, "--save-features")
    if not (run / "features-test.npy").exists():
        raise Wrong("no features-test.npy")


def not_believed(place, name, spoil):
    """`evaluate` on a run with a file of somebody else's."""
    run = place.finished("--save-features")
    content = bytearray((run / name).read_bytes())
    (run / name).write_bytes(spoil(content))
    place.run(place.coordinator, "evaluate", run).refuses(65, name.replace(".", r"\."))


@case("files: evaluate does not believe labels in another order")
def _(place):
    def reverse(content):
        size = {b"<i8": 8, b"<u1": 1, b"|u1": 1, b"<i4": 4}[bytes(content[21:24])]
        start = 10 + struct.unpack("<H", content[8:10])[0]
        values = [content[at:at + size] for at in range(start, len(content), size)]
        return bytes(content[:start]) + b"".join(reversed(values))
    not_believed(place, "labels-test.npy", reverse)


@case("files: evaluate does not believe features that are not numbers")
def _(place):
    not_believed(place, "features-test.npy",
                 lambda content: bytes(content[:128]) + b"\x00\x00\xc0\x7f" * (
                     (len(content) - 128) // 4))


@case("files: evaluate does not believe a model of zeros")
def _(place):
    def zeros(content):
        start = 8 + struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8:start])
        for name, tensor in header.items():
            if name.endswith(".weight"):
                first, end = tensor["data_offsets"]
                content[start + first:start + end] = bytes(end - first)
        return bytes(content)
    not_believed(place, "model.safetensors", zeros)


@case("files: a journal of another version")
def _(place):
    run = place.finished()
    (run / "results.json").unlink()
    with open(run / "journal.sqlite", "r+b") as journal:
        journal.seek(60)
        journal.write(b"\0\0\0\1")
    place.run(*place.job("--workers", "1")).refuses(65, "journal of version 1", "program that made")


@case("files: a journal cut in the middle")
def _(place):
    run = place.finished()
    (run / "results.json").unlink()
    os.truncate(run / "journal.sqlite", 20_000)
    place.run(*place.job("--workers", "1")).refuses(65, r"journal\.sqlite")


@case("files: a configuration that is no JSON")
def _(place):
    run = place.finished()
    before = (run / "config.json").read_bytes()
    (run / "config.json").write_text("{")
    # The journal has it too.
    place.run(*place.job("--workers", "1")).expect(0)
    if (run / "config.json").read_bytes() != before:
        raise Wrong("config.json was not made again")


@case("files: a benchmark's folder is no run's")
def _(place):
    folder = place.folder / "run"
    folder.mkdir()
    (folder / "speedup.json").write_text("{}")
    place.run(*place.job("--workers", "1")).refuses({64, 73}, "benchmark|speedup")


@case("files: a report with nothing computed")
def _(place):
    place.run(place.coordinator, "reproduce", "--report-only", "--datasets", "mnist", "--data-dir",
              inputs.mnist(place.folder / "data"), "--every", "1", "--fractions", "1", "--trials",
              "1", "--run-dir", "study").refuses({64, 65, 69}, "nothing|no trial|not computed|none")


@case("files: a simulation writes nothing where one stands")
def _(place):
    place.run(place.coordinator, "simulate", "--workers", "1,2", "--rows", "1000", "--classes",
              "4").expect(0)
    left = [entry.name for entry in place.folder.iterdir() if entry.is_file()]
    if left:
        raise Wrong("written: " + ", ".join(sorted(left)))
