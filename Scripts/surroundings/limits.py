"""Limits of the system: what a program may open, start, hold and compute, and workers that cannot."""

import os
import shutil
import subprocess
from pathlib import Path

import inputs
from trial import Skip, Wrong, as_user, case, needs, needs_root

DESCRIPTORS = r"open files|descriptor|ulimit -n"
PROCESSES = r"process(es)?|threads?|ulimit -u"
MEMORY = r"memory|address space|ulimit -v"


def limited(option):
    return [needs("prlimit"), option, "--"]


def both(outcome, name):
    """Either it goes, or the sentence names the limit."""
    if outcome.expect({0, 69}).status:
        outcome.refuses(69, name)


@case("limits: 24 open files")
def _(place):
    place.run(*place.job("--workers", "2"), under=limited("--nofile=24")).refuses(69, DESCRIPTORS)


@case("limits: 40 open files")
def _(place):
    both(place.run(*place.job("--workers", "2"), under=limited("--nofile=40")), DESCRIPTORS)


@case("limits: 64 open files")
def _(place):
    both(place.run(*place.job("--workers", "2"), under=limited("--nofile=64")), DESCRIPTORS)


@case("limits: 320 open files are enough")
def _(place):
    place.run(*place.job("--workers", "2"), under=limited("--nofile=320")).expect(0)


@case("limits: a worker with 12 open files")
def _(place):
    place.run(place.worker, "--connect", "tcp://127.0.0.1:1", "--wait", "3",
              under=limited("--nofile=12")).refuses(69, DESCRIPTORS)


@case("limits: 8 processes for an ordinary user")
def _(place):
    needs_root()
    place.folder.chmod(0o777)
    both(place.run(*place.job("--workers", "1"), under=[*limited("--nproc=8"), *as_user()]),
         PROCESSES)


@case("limits: a worker with 3 threads for an ordinary user")
def _(place):
    needs_root()
    place.run(place.worker, "--connect", "tcp://127.0.0.1:1", "--wait", "3",
              under=[*limited("--nproc=3"), *as_user()], limit=20).refuses(69, PROCESSES)


@case("limits: 800 MB of addresses")
def _(place):
    both(place.run(*place.job("--workers", "2"), under=limited("--as=819200000")), MEMORY)


@case("limits: 200 MB of addresses")
def _(place):
    both(place.run(*place.job("--workers", "1"), under=limited("--as=204800000")), MEMORY)


@case("limits: a small stack")
def _(place):
    place.run(*place.job("--workers", "1"), under=limited("--stack=262144")).refuses(69, r"ulimit -s")


@case("limits: files of at most 4 KB")
def _(place):
    outcome = place.run(*place.job("--workers", "1"), under=limited("--fsize=4096"))
    outcome.refuses(73, r"file size|ulimit -f|too (large|big)|limit")


@case("limits: a second of processor time ends as SIGTERM does")
def _(place):
    place.run(place.coordinator, "run", *busy(place), under=limited("--cpu=1:20")).refuses(
        128 + 24, "interrupted")


def busy(place):
    """Options of a job that computes in the coordinator itself for a while."""
    folder = inputs.mnist(place.folder / "data")
    return ["--dataset", "mnist", "--data-dir", folder, "--epochs", "10000", "--bind",
            "tcp://127.0.0.1:0", "--run-dir", "run"]


def threads_of(place, under):
    place.run(*place.job("--workers", "1"), under=under).expect(0)
    return place.results()["config"]["threads"]


@case("limits: one processor by affinity")
def _(place):
    if os.cpu_count() == 1:
        raise Skip("this machine has one processor")
    found = threads_of(place, [needs("taskset"), "--cpu-list",
                               str(min(os.sched_getaffinity(0)))])
    if found != 1:
        raise Wrong(f"{found} threads")


@case("limits: half a processor by cgroup")
def _(place):
    needs_root()
    if len(os.sched_getaffinity(0)) == 1:
        raise Skip("this machine has one processor")
    name = f"manyheads-{place.folder.name}"
    first, second = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
    controllers = second / "cgroup.subtree_control"
    if first.is_dir():
        group, settings = first / name, {"cpu.cfs_period_us": "100000",
                                         "cpu.cfs_quota_us": "50000"}
    elif controllers.exists() and "cpu" in controllers.read_text().split():
        group, settings = second / name, {"cpu.max": "50000 100000"}
    else:
        raise Skip("needs a cgroup that can be made")
    try:
        group.mkdir()
        for file, value in settings.items():
            (group / file).write_text(value)
    except OSError as error:
        raise Skip(f"needs a cgroup that can be made ({error.strerror})") from None
    try:
        found = threads_of(
            place, ["sh", "-ec", f'echo $$ >{group}/cgroup.procs; exec "$@"', "sh"])
    finally:
        place.end()
        group.rmdir()
    if found != 1:
        raise Wrong(f"{found} threads")


@case("workers: none can run here (no AVX-512)")
def _(place):
    if "avx512f" in Path("/proc/cpuinfo").read_text():
        raise Skip("this processor has AVX-512")
    place.run(*place.job("--workers", "2"), env={"MANYHEADS_ISA": "avx512"}, limit=30).refuses(
        69, "avx.?512")


@case("workers: none can run here, in a study")
def _(place):
    if "avx512f" in Path("/proc/cpuinfo").read_text():
        raise Skip("this processor has AVX-512")
    folder = inputs.mnist(place.folder / "data")
    place.run(place.coordinator, "reproduce", "--datasets", "mnist", "--data-dir", folder,
              "--every", "1", "--fractions", "1", "--trials", "1", "--epochs", "1",
              "--head-epochs", "1", "--workers", "1", "--bind", "tcp://127.0.0.1:0", "--run-dir",
              "study", env={"MANYHEADS_ISA": "avx512"}, limit=30).refuses(69, "avx.?512")


def with_worker(place, script):
    """The coordinator beside a program of another kind where its worker should be."""
    folder = place.folder / "bin"
    folder.mkdir()
    shutil.copy2(place.coordinator, folder)
    if script is not None:
        # Written by another process: one that is written while others fork is busy for them.
        subprocess.run(["sh", "-c", 'printf %s "$1" >"$2"; chmod 755 "$2"', "sh", script,
                        folder / "worker"], check=True)
    return [folder / "coordinator", *place.job("--workers", "2")[1:]]


@case("workers: the program is missing")
def _(place):
    place.run(*with_worker(place, None), limit=30).refuses(69, "worker")


@case("workers: each dies at once")
def _(place):
    script = "#!/bin/sh\necho 'worker: no luck today' >&2\nexit 1\n"
    place.run(*with_worker(place, script), limit=60).refuses(69, "no luck today|status 1")


@case("workers: each dies after a moment, again and again")
def _(place):
    script = "#!/bin/sh\nsleep 0.25\necho 'worker: no luck today' >&2\nexit 1\n"
    place.run(*with_worker(place, script), limit=120).refuses(69, "no luck today|status 1")


@case("workers: one of two that are wanted stays away")
def _(place):
    place.run(*place.job("--workers", "1", "--min-workers", "2", "--wait", "3"),
              limit=30).refuses(69, "1 (of 2|joined)|2 (needed|wanted)|wait")


@case("workers: nobody comes")
def _(place):
    place.run(*place.job("--wait", "2"), limit=30).refuses(69, "worker")


@case("workers: no coordinator comes")
def _(place):
    place.run(place.worker, "--connect", "tcp://127.0.0.1:1", "--wait", "2",
              limit=30).refuses(69, "coordinator|refused")


@case("workers: all are killed, one after the other")
def _(place):
    run = place.start(*place.long_job("--wait", "3"))
    endpoint = run.endpoint()
    worker = place.start(place.worker, "--connect", endpoint)
    run.wait_for("joined")
    worker.kill()
    run.finish(60).refuses(69, "worker")
