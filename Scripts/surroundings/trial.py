"""What every case uses: a folder, the programs, their ends, and who was left running."""

import functools
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import inputs

CASES = []
# In the environment of everything a case starts, so that what is left behind can be found.
MARK = "MANYHEADS_SURROUNDINGS"
# An ordinary user whom nobody else is.
USER = 54321
# What nobody may ever read in place of a sentence.
RAW = re.compile(
    r"Fatal error|Stack dump|Illegal instruction|Error Domain=|NSPOSIXErrorDomain|NSCocoaError"
    r"|DecodingError|DatabaseError|dataCorrupted|RunError\(|FormatError\(|ZeroMQError\("
    r"|Assertion failed|Swift runtime failure|Traceback|terminate called|\bUnsafe\w*Pointer\b")
TRAPS = {signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE,
         signal.SIGSEGV}


class Skip(Exception):
    """What this machine lacks for the case."""


class Wrong(Exception):
    """What was seen in place of what is right."""


class Case:
    def __init__(self, name, body):
        self.name, self.body = name, body


def case(name):
    """Lists a function as the case of that name; it gets its Place."""
    def add(body):
        CASES.append(Case(name, body))
        return body
    return add


class Outcome:
    """How a process ended, and what it said."""

    def __init__(self, argv, status, output, errors, seconds):
        self.argv, self.status, self.seconds = argv, status, seconds
        self.output, self.errors = output, errors

    def last(self):
        lines = [line for line in self.errors.splitlines() if line.strip()]
        return lines[-1] if lines else "(nothing on standard error)"

    def expect(self, statuses, *says):
        """Checks the exit status, and that standard error matches each pattern."""
        statuses = {statuses} if isinstance(statuses, int) else set(statuses)
        if self.status not in statuses:
            wanted = " or ".join(map(str, sorted(statuses)))
            raise Wrong(f"status {self.status}, not {wanted}: {self.last()}")
        for pattern in says:
            if not re.search(pattern, self.errors, re.IGNORECASE):
                raise Wrong(f"it does not say /{pattern}/: {self.last()}")
        return self

    def refuses(self, statuses, *says):
        """Checks a refusal: as `expect`, and in one sentence of a program of ours."""
        self.expect(statuses, *says)
        if not re.search(r"^(\S+Z )?(coordinator|worker|bench|Error): ", self.errors, re.MULTILINE):
            raise Wrong(f"no sentence of the program's: {self.last()}")
        return self


class Running:
    """A process of a case, in a session of its own; its output is read as it comes."""

    def __init__(self, place, argv, env, **more):
        self.argv = [os.fspath(word) for word in argv]
        self.began = time.monotonic()
        place.tell("$ " + " ".join(str(word) for word in self.argv))
        self.place, self.text = place, {1: [], 2: []}
        more.setdefault("stdin", subprocess.DEVNULL)
        self.process = subprocess.Popen(
            self.argv, env=env, start_new_session=True,
            stdout=more.pop("stdout", subprocess.PIPE), stderr=more.pop("stderr", subprocess.PIPE),
            **more)
        self.changed = threading.Condition()
        self.readers = [
            threading.Thread(target=self._read, args=(pipe, number), daemon=True)
            for number, pipe in ((1, self.process.stdout), (2, self.process.stderr)) if pipe]
        for reader in self.readers:
            reader.start()

    def _read(self, pipe, number):
        while block := os.read(pipe.fileno(), 65_536):
            with self.changed:
                self.text[number].append(block)
                self.changed.notify_all()
        pipe.close()
        with self.changed:
            self.changed.notify_all()

    def said(self, number=2):
        return b"".join(self.text[number]).decode(errors="replace")

    def wait_for(self, pattern, limit=30, number=2):
        """Waits until the output matches, and returns the match."""
        deadline = time.monotonic() + limit
        with self.changed:
            while not (found := re.search(pattern, self.said(number), re.IGNORECASE)):
                left = deadline - time.monotonic()
                ended = not any(reader.is_alive() for reader in self.readers)
                if left <= 0 or ended:
                    raise Wrong(f"not within {limit} s that it says /{pattern}/: "
                                + (self.said(number).strip().splitlines() or ["nothing"])[-1])
                self.changed.wait(min(left, 0.2))
        return found

    def endpoint(self):
        """Where a coordinator says that workers connect."""
        return self.wait_for(r"workers connect to (tcp://\S+)")[1]

    def send(self, number):
        if self.process.poll() is None:
            os.kill(self.process.pid, number)

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def finish(self, limit=60):
        """Waits for the end, and checks what holds for every end."""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            last = (self.said().strip().splitlines() or ["nothing"])[-1]
            raise Wrong(f"no end within {limit} s; the last it said: {last}") from None
        for reader in self.readers:
            reader.join(2)
            if reader.is_alive():
                raise Wrong("it ended, and something that it started still holds its output")
        code = self.process.returncode
        outcome = Outcome(self.argv, 128 - code if code < 0 else code, self.said(1), self.said(2),
                          time.monotonic() - self.began)
        self.place.tell(outcome.errors + outcome.output + f"[status {outcome.status}]")
        if outcome.status - 128 in TRAPS:
            raise Wrong(f"signal {outcome.status - 128}: {outcome.last()}")
        if raw := RAW.search(outcome.errors + outcome.output):
            raise Wrong(f"a raw error, '{raw[0]}': {outcome.last()}")
        return outcome


class Place:
    """A folder of a case's own, with the programs and inputs beside it."""

    def __init__(self, folder, programs, shared, verbose):
        self.folder, self.programs, self.shared = folder, programs, shared
        self.verbose, self.started = verbose, []
        self.coordinator, self.worker, self.bench = (
            programs / name for name in ("coordinator", "worker", "bench"))

    def tell(self, text):
        if self.verbose:
            print("\n".join("      " + line for line in text.splitlines()), flush=True)

    def start(self, *argv, under=(), env=None, **more):
        """Starts a process, wrapped in the command `under`."""
        surroundings = {**os.environ, **(env or {}), MARK: self.folder.name}
        for name in [name for name, value in surroundings.items() if value is None]:
            del surroundings[name]
        more.setdefault("cwd", self.folder)
        running = Running(self, [*under, *argv], surroundings, **more)
        self.started.append(running)
        return running

    def run(self, *argv, limit=60, **more):
        """Runs a process to its end."""
        return self.start(*argv, **more).finish(limit)

    def job(self, *more, features=None, folder="run"):
        """A coordinator's arguments for a job of half a second: 6 classes, 57 heads."""
        x, y = features or (self.shared / "x.npy", self.shared / "y.npy")
        return [self.coordinator, "run", "--train", x, "--train-labels", y, "--test", x,
                "--test-labels", y, "--heads", "subsets", "--head-epochs", "5", "--bind",
                "tcp://127.0.0.1:0", "--run-dir", folder, *more]

    def long_job(self, *more, **others):
        """The same for more than a minute."""
        return self.job("--head-epochs", "100000", *more, **others)

    def results(self, folder="run"):
        """What a finished run's results.json says."""
        path = self.folder / folder / "results.json"
        if not path.exists():
            raise Wrong("no results.json")
        return json.loads(path.read_text())

    def finished(self, *more, folder="run"):
        """A run that went to its end, in a folder of the case."""
        self.run(*self.job("--workers", "1", *more, folder=folder)).expect(0)
        return self.folder / folder

    def end(self):
        """Ends what the case left running, and names what outlives that."""
        for running in self.started:
            if running.process.poll() is None:
                # Alone: what it started is to end by itself.
                running.process.kill()
                running.process.wait()
        deadline = time.monotonic() + 3
        while (left := marked(self.folder.name)) and time.monotonic() < deadline:
            time.sleep(0.05)
        for process, _ in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return [command for _, command in left]


def marked(mark):
    """Processes with the case's mark in their environment, and their commands."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                found.append((int(entry.name), command[:60]))
        except OSError:
            pass
    return found


# What a machine may lack.

def needs_root():
    if os.geteuid():
        raise Skip("needs root")


def needs(program):
    if not shutil.which(program):
        raise Skip(f"needs {program}")
    return program


@functools.cache
def _unshare(flag):
    command = ["unshare", flag, "true"]
    return bool(shutil.which("unshare")) and not subprocess.run(
        command, stderr=subprocess.DEVNULL, check=False).returncode


def in_namespace(flag, script):
    """A command to run another one under: in a namespace of its own, after a line of shell."""
    needs_root()
    if not _unshare(flag):
        raise Skip(f"needs unshare {flag}")
    return ["unshare", flag, "sh", "-ec", script + '; exec "$@"', "sh"]


def as_user():
    """A command to run another one under: as an ordinary user."""
    if os.geteuid():
        return []
    return [needs("setpriv"), f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--"]


def run_all(cases, binaries, keep, verbose):
    for name in ("coordinator", "worker", "bench"):
        if not os.access(binaries / name, os.X_OK):
            print(f"try-surroundings: no {binaries / name}; build it with Scripts/test, "
                  "or name its folder with --bin", file=sys.stderr)
            return 69
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    folder = Path(tempfile.mkdtemp(prefix="manyheads-surroundings-"))
    try:
        folder.chmod(0o755)
        # Copies: another user may not reach the build's folder, and it may be built meanwhile.
        programs = folder / "bin"
        programs.mkdir()
        for name in ("coordinator", "worker", "bench"):
            shutil.copy2(binaries / name, programs)
        inputs.write(folder / "inputs")
        return _run(cases, folder, programs, verbose)
    except KeyboardInterrupt:
        return 130
    finally:
        if keep:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _run(cases, folder, programs, verbose):
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    for number, each in enumerate(cases):
        own = folder / f"{number}-{secrets.token_hex(4)}"
        own.mkdir()
        place = Place(own, programs, folder / "inputs", verbose)
        began, word, reason = time.monotonic(), "ok", ""
        try:
            each.body(place)
        except Skip as lack:
            word, reason = "skip", str(lack)
        except Wrong as fault:
            word, reason = "FAIL", str(fault)
        except (OSError, ValueError, KeyError, IndexError) as fault:
            word, reason = "FAIL", f"{type(fault).__name__} in the case: {fault}"
        finally:
            left = place.end()
        if left and word == "ok":
            word, reason = "FAIL", "left running: " + "; ".join(left)
        counts[word] += 1
        line = f"{word:4} {time.monotonic() - began:5.1f}s  {each.name}"
        print(line + (f": {' '.join(reason.split())[:300]}" if reason else ""), flush=True)
    print(f"{counts['ok']} ok, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 1 if counts["FAIL"] else 0


