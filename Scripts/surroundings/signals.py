"""Signals to the coordinator and to workers, and readers of their output that leave."""

import signal

from trial import Wrong, case

# Sent by people, by the terminal that closes, by Slurm and by limits of processor time.
ENDING = ("TERM", "INT", "HUP", "USR1", "USR2", "XCPU")


def training(place, *more):
    """A coordinator in the middle of its heads, with a local worker."""
    run = place.start(*place.long_job("--workers", "1", *more))
    run.wait_for("joined", limit=30)
    return run


def ends(name):
    number = getattr(signal, "SIG" + name)

    @case(f"signals: {name} ends a run, which says what is kept")
    def _(place):
        run = training(place)
        run.send(number)
        run.finish(20).refuses(128 + number, "interrupted", "kept")

    @case(f"signals: {name} has a worker leave")
    def _(place):
        worker = place.start(place.worker, "--connect", "tcp://127.0.0.1:1")
        worker.wait_for("connect")
        worker.send(number)
        # One that has nothing to return may leave in peace; else it says what ended it.
        outcome = worker.finish(20).expect({0, 128 + number})
        if outcome.status:
            outcome.expect(outcome.status, "signal|interrupt|leav|stop")


for each in ENDING:
    ends(each)


@case("signals: a second one ends a run at once")
def _(place):
    run = training(place)
    run.send(signal.SIGTERM)
    run.send(signal.SIGTERM)
    run.finish(10).expect(128 + signal.SIGTERM)


@case("signals: a coordinator that is killed goes on with the same bits")
def _(place):
    place.finished(folder="whole")
    run = place.start(*place.job("--workers", "1"))
    run.wait_for("workers connect")
    run.kill()
    place.run(*place.job("--workers", "1")).expect(0)
    if place.results()["digests"] != place.results("whole")["digests"]:
        raise Wrong("other digests")


@case("signals: a run that was stopped is resumed by its folder alone")
def _(place):
    run = place.start(*place.job("--head-epochs", "20000", "--workers", "1"))
    run.wait_for("joined")
    run.send(signal.SIGTERM)
    run.finish(20)
    place.run(place.coordinator, "resume", "run", limit=120).expect(0)
    place.results()


def outlives(place, *numbers, under=()):
    """Signals in the middle of a run that goes to its end."""
    run = place.start(*place.job("--head-epochs", "5000", "--workers", "1"), under=under)
    run.wait_for("joined")
    for number in numbers:
        run.send(number)
    run.finish(120).expect(0)


@case("signals: stopped and continued")
def _(place):
    outlives(place, signal.SIGSTOP, signal.SIGCONT)


@case("signals: PIPE, WINCH, CHLD and URG are no reason to end")
def _(place):
    outlives(place, signal.SIGPIPE, signal.SIGWINCH, signal.SIGCHLD, signal.SIGURG)


def has_finished(place):
    if not (place.folder / "run/results.json").exists():
        raise Wrong("the run ended with its reader")
    if "one-vs-all" not in (place.folder / "out").read_text():
        raise Wrong("no table on standard output")


@case("signals: nobody reads standard error after the first line")
def _(place):
    # The shell waits for all of the pipeline here, so that the run's end is awaited too.
    place.run("bash", "-c", '"$@" 2>&1 >out | head -n 1 >/dev/null; exit "${PIPESTATUS[0]}"', "bash",
              *place.job("--workers", "1", "--head-epochs", "2000")).expect(0)
    has_finished(place)


@case("signals: nobody reads standard error at all")
def _(place):
    place.run("bash", "-c", '"$@" 2>&1 >out | true; exit "${PIPESTATUS[0]}"', "bash",
              *place.job("--workers", "1")).expect(0)
    has_finished(place)


@case("signals: nobody reads standard output")
def _(place):
    place.run("bash", "-c", '"$@" | true; exit "${PIPESTATUS[0]}"', "bash",
              *place.job("--workers", "1")).expect({0, 73, 128 + signal.SIGPIPE})
    place.results()


@case("signals: a worker's reader leaves")
def _(place):
    run = place.start(*place.job())
    endpoint = run.endpoint()
    place.run("bash", "-c", '"$@" 2>&1 | true; exit "${PIPESTATUS[0]}"', "bash", place.worker,
              "--connect", endpoint).expect(0)
    run.finish().expect(0)


@case("signals: ignored ones stay ignored (nohup)")
def _(place):
    outlives(place, signal.SIGHUP, under=["sh", "-c", 'trap "" HUP; exec "$@"', "sh"])
