"""Measures Manyheads and its peers in turn and writes the table; started by Scripts/compare-peers.

Goal: figures that are fair on a machine that is not quite quiet, from a program that may be
interrupted. So everything runs in rounds in which all take their turn, each measurement is a
process of its own with a time limit, and each result is on disk before the next one begins.
"""

import argparse
import datetime
import fnmatch
import hashlib
import importlib.metadata
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import table
from machine import HERE, ROOT, Failed, busy_seconds, children_seconds, cpu_field, run
from plan import (
    BINARIES,
    ROWS,
    Bench,
    backbone_cases,
    head_cases,
    predict_cases,
    probe_cases,
)

PROGRAMS = ("coordinator", "worker", "bench")
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PACKAGES = {
    "Keras": "keras",
    "TensorFlow": "tensorflow_cpu",
    "PyTorch": "torch",
    "JAX": "jax",
    "scikit-learn": "scikit-learn",
    "LIBLINEAR": "liblinear-official",
    "NumPy": "numpy",
}


class Stopped(Exception):
    """A signal asked for the end; its number."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def die(status, text):
    say(f"compare-peers: {text}")
    sys.exit(status)


class Record:
    """What was measured, a line of JSON each, kept until all is done and written."""

    def __init__(self, path, fingerprint):
        self.path, self.lines = path, []
        header = {"fingerprint": fingerprint}
        if path.exists():
            lines = []
            for line in path.read_text().splitlines():
                try:
                    lines.append(json.loads(line))
                except json.JSONDecodeError:
                    # The last line of a process that was killed.
                    break
            if lines and lines[0] == header:
                self.lines = lines[1:]
                say(f"Going on from {len(self.lines)} measurements in {path}; --fresh starts over.")
            elif lines:
                say(
                    "Program, machine or settings are not those of the last measurements; "
                    "starting over."
                )
        if not self.lines:
            # Another program may train another backbone, or not go on from this one's.
            for rows in ROWS.values():
                for heads in ("pairs", "all"):
                    shutil.rmtree(path.parent / f"{rows}-{heads}", ignore_errors=True)
        self.write([header, *self.lines])

    def write(self, lines):
        new = self.path.with_suffix(".new")
        new.write_text("".join(json.dumps(line) + "\n" for line in lines))
        new.replace(self.path)

    def add(self, line):
        self.lines.append(line)
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def has(self, case, number):
        return any(
            line["case"] == case and line["round"] == number and "error" not in line
            for line in self.lines
        )

    def forget(self, case):
        """Failures of an earlier start are tried again."""
        self.lines = [line for line in self.lines if line["case"] != case or "error" not in line]

    def figures(self):
        return [
            {
                "round": line["round"],
                "case": line["case"],
                "foreign": line.get("foreign", 0),
                **figure,
            }
            for line in self.lines
            for figure in line["figures"]
        ]


class Session:
    """Goes through the rounds."""

    def __init__(self, bench, record, versions):
        self.bench, self.record, self.versions = bench, record, versions
        self.start = time.monotonic()
        self.exported = {}

    def export(self, every):
        """The features that all work on, and our accuracies: one whole run of the coordinator."""
        if every in self.exported:
            return
        name, directory = f"run-{ROWS[every]}", self.bench.run_directory(every, "all")
        self.exported[every] = None
        if not (self.record.has(name, 0) and (directory / "features-train.npy").exists()):
            say(f"The whole job on {ROWS[every]} rows, for its features and accuracies …")
            command = [
                str(BINARIES / "coordinator"),
                "run",
                *self.bench.job(every, "all"),
                "--workers",
                str(len(self.bench.cpus)),
                "--bind",
                "tcp://127.0.0.1:0",
                "--save-features",
            ]
            try:
                results = json.loads(run(command, 3_600, self.bench.cpus, {}))
            except Failed as error:
                self.exported[every] = str(error)
                return
            self.record.add(
                {"case": name, "round": 0, "figures": self.our_accuracies(every, results)}
            )

    def our_accuracies(self, every, results):
        schemes = results["schemes"]
        accuracy = {
            ours: schemes[theirs]["accuracy"]
            for ours, theirs in (
                ("all_vs_all", "all_vs_all"),
                ("tree", "tree"),
                ("refit", "one_vs_all_refit"),
            )
        }
        # Their bits do not depend on the number of workers, so it is one accuracy.
        figures = [
            {"peer": peer, "rows": ROWS[every], "heads": "all", "accuracy": accuracy}
            for peer in ("ours", "ours-alone")
        ]
        if self.bench.backbone_epochs(every) == 12:
            figures.append(
                {
                    "peer": "ours",
                    "threads": len(self.bench.cpus),
                    "accuracy": {"one_vs_all": schemes["one_vs_all"]["accuracy"]},
                }
            )
        return figures

    def measure(self, case, number):
        cpus = self.bench.cpus[: case.threads]
        begin = time.monotonic(), busy_seconds(cpus), children_seconds()
        line = {"case": case.name, "round": number}
        try:
            if case.package and not self.versions[case.package]:
                raise Failed(f"{case.package} is not installed")
            if case.needs:
                self.export(int(case.needs))
                if self.exported[int(case.needs)]:
                    raise Failed(f"no features: {self.exported[int(case.needs)]}")
                begin = time.monotonic(), busy_seconds(cpus), children_seconds()
            command = case.later if number and case.later else case.command
            line["figures"] = case.read(run(command, case.limit, cpus, case.environment))
        except (Failed, OSError, ValueError, KeyError, IndexError, TypeError) as error:
            said = str(error) if isinstance(error, Failed) else f"cannot be read: {error!r}"
            line["error"] = said
            line["figures"] = [figure | {"error": said} for figure in case.figures]
        seconds = time.monotonic() - begin[0]
        others = busy_seconds(cpus) - begin[1] - (children_seconds() - begin[2])
        line["foreign"] = round(max(0.0, others / max(seconds, 0.1)), 2)
        line["wall_seconds"] = round(seconds, 1)
        self.record.add(line)
        self.tell(line)

    def tell(self, line):
        if "error" in line:
            return say(f"  {line['case']}: {line['error']}")
        found = ", ".join(
            f"{figure['peer']} {table.number(figure[key])} {unit}"
            for figure in line["figures"]
            for key, unit in (
                ("seconds", f"s ({figure.get('heads')})"),
                ("train", "images/s"),
                ("features", "features/s"),
            )
            if figure.get(key)
        )
        say(f"  {line['case']}: {found} [{line['wall_seconds']} s, others {line['foreign']}]")

    def go(self, cases, rounds, minutes):
        failed = set()
        for case in cases:
            self.record.forget(case.name)
        for number in range(rounds):
            due = [
                case
                for case in cases
                if number < case.rounds
                and case.name not in failed
                and not self.record.has(case.name, number)
            ]
            if due:
                say(f"Round {number + 1} of {rounds}")
            for case in due:
                if number and time.monotonic() - self.start > 60 * minutes:
                    say(f"{minutes} minutes have passed; the table is made of what there is.")
                    return
                self.measure(case, number)
                if "error" in self.record.lines[-1]:
                    failed.add(case.name)


def document(bench, record, versions, command):
    """All that the table needs, and what is behind it."""
    foreign = sorted(line["foreign"] for line in record.lines if line.get("foreign") is not None)
    others = "unknown"
    if foreign:
        others = f"{foreign[len(foreign) // 2]:.2f} cores at the median, {foreign[-1]:.2f} at most"
    git = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True
    )
    return {
        "command": command,
        "date": f"{datetime.date.today():%-d %B %Y}",
        "cpu": cpu_field("model name"),
        "cores": len(bench.cpus),
        "cpu_identifier": [cpu_field(name) for name in ("vendor_id", "cpu family", "model")],
        "commit": git.stdout.strip() or "of an unknown commit",
        "versions": {name: versions[package] for name, package in PACKAGES.items()},
        "malloc": "Keras and PyTorch on tcmalloc"
        if bench.tcmalloc
        else "Keras and PyTorch on the system's malloc, as there is no tcmalloc",
        "seed": bench.options.seed,
        "foreign": others,
        "backbone_epochs": {
            f"{ROWS[every]:,}": bench.backbone_epochs(every)
            for every in ([10] if bench.quick else [10, 1])
        },
        "figures": record.figures(),
        "measurements": record.lines,
    }


def installed():
    """The versions of the peers in this environment; nil for one that is missing."""
    versions = {}
    for package in PACKAGES.values():
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return versions


def fingerprint(bench, versions):
    """What results depend on: if any of it changes they are of another comparison."""
    digest = hashlib.sha256()
    programs = [BINARIES / name for name in PROGRAMS]
    for path in programs + sorted(HERE.glob("*.py")):
        if path.name != "table.py":
            digest.update(path.read_bytes())
    settings = [
        versions,
        cpu_field("model name"),
        bench.cpus,
        bench.tcmalloc,
        bench.options.seed,
        bench.options.backbone_epochs,
        bench.quick,
    ]
    digest.update(json.dumps(settings).encode())
    return digest.hexdigest()


PARTS = {
    "heads": head_cases,
    "backbone": backbone_cases,
    "predict": predict_cases,
    "probe": probe_cases,
}


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def parse(words):
    class Parser(argparse.ArgumentParser):
        def error(self, message):
            die(64, f"{message}; see Scripts/compare-peers --help")

    parser = Parser(add_help=False)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=list(PARTS))
    parser.add_argument("--case", action="append", default=[])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--rounds", type=positive)
    parser.add_argument("--minutes", type=positive, default=28)
    parser.add_argument("--cores", type=positive, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backbone-epochs", type=positive)
    parser.add_argument("--probe-data", type=Path)
    parser.add_argument("--work-dir", type=Path, default=ROOT / "runs" / "compare-peers")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--output", type=Path)
    return parser.parse_args(words)


def chosen_cases(bench):
    options = bench.options
    cases = []
    for part, make in PARTS.items():
        if options.only in (None, part):
            cases += make(bench)
    if options.case:
        cases = [
            case
            for case in cases
            if any(fnmatch.fnmatch(case.name, pattern) for pattern in options.case)
        ]
        if not cases:
            die(64, f"no case is called {' or '.join(options.case)}; --list names them")
    return cases


def write(path, text):
    try:
        path.write_text(text)
    except OSError as error:
        die(73, f"cannot write {path}: {error.strerror}")


def ending_at_signals(work, path):
    """Does the work; a signal ends it and all that it started, and then this process."""

    def stop(number, _):
        # Once: ending what runs is not to be interrupted in its turn.
        for each in ENDINGS:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    for number in ENDINGS:
        signal.signal(number, stop)
    try:
        work()
    except Stopped as stopped:
        say(f"Stopped; what was measured is kept in {path}, and the same command goes on from it.")
        sys.exit(128 + stopped.args[0])


def main():
    options = parse(sys.argv[1:])
    if options.probe_data is not None:
        options.probe_data = options.probe_data.resolve()
        if not (options.probe_data / "train-features.npy").exists():
            die(65, f"there is no train-features.npy in {options.probe_data}")
    elif options.only == "probe":
        die(64, "--only probe needs --probe-data")
    bench = Bench(options)
    cases = chosen_cases(bench)
    if options.list:
        print("\n".join(case.name for case in cases))
        return
    if not bench.images:
        die(65, "there is no Fashion-MNIST: install dataset-fashion-mnist or set MANYHEADS_DATA.")
    options.work_dir = options.work_dir.resolve() / ("quick" if bench.quick else "full")
    try:
        options.work_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        die(73, f"cannot write {options.work_dir}: {error.strerror}")
    # The folders of the runs are named by the work directory, which is known only now.
    cases = chosen_cases(bench)
    missing = [name for name in PROGRAMS if not (BINARIES / name).exists()]
    if missing:
        die(69, f"{', '.join(missing)} not built: leave out --no-build")
    versions = installed()
    path = options.work_dir / "measurements.jsonl"
    if options.fresh:
        path.unlink(missing_ok=True)
    record = Record(path, fingerprint(bench, versions))

    session = Session(bench, record, versions)
    rounds = options.rounds or (1 if bench.quick else 3)
    ending_at_signals(lambda: session.go(cases, rounds, options.minutes), path)
    command = " ".join(
        ["Scripts/compare-peers"]
        + (["--quick"] if bench.quick else [])
        + (["--only", options.only] if options.only else [])
    )
    measured = document(bench, record, versions, command)
    text = table.markdown(measured)
    if not options.case and not options.only:
        # The next start is another comparison.
        path.replace(path.with_name("last.jsonl"))
    if options.json:
        write(options.json, json.dumps(measured, indent=1) + "\n")
    if options.output:
        write(options.output, text)
    else:
        sys.stdout.write(text)
    if any("error" in line and line["case"].endswith("ours") for line in record.lines):
        die(70, "Manyheads itself failed; the table says how.")


if __name__ == "__main__":
    main()
