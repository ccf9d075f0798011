"""What is measured and how much of it: a list of cases, each a command for one process."""

import ctypes.util
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import machine
from machine import HERE, ROOT

BINARIES = ROOT / ".build" / "release"
ROWS = {10: 6_000, 1: 60_000}
IMAGES = "train-images-idx3-ubyte"


@dataclass
class Case:
    """One measurement: a command that is run once a round."""

    name: str
    # What is known of its figures beforehand: what a failure leaves empty in the table.
    figures: list
    command: list
    # Makes figures of what the command printed.
    read: object
    # The command of the rounds after the first, where it differs.
    later: list = None
    rounds: int = 3
    limit: int = 400
    threads: int = 2
    environment: dict = field(default_factory=dict)
    package: str = ""
    needs: str = ""


class Bench:
    """The machine and the settings: what all cases share."""

    def __init__(self, options):
        self.options = options
        self.cpus = machine.cores_of_their_own(options.cores)
        flags = machine.cpu_field("flags").split()
        self.has_bf16 = "avx512_bf16" in flags or "amx_bf16" in flags
        self.tcmalloc = ctypes.util.find_library("tcmalloc_minimal") or ""
        self.images = next((f for f in image_folders() if is_image_folder(f)), None)
        self.quick = options.quick
        self.seed = ["--seed", str(options.seed)]

    def backbone_epochs(self, every):
        if self.options.backbone_epochs:
            return self.options.backbone_epochs
        return 1 if self.quick or every == 1 else 12

    def run_directory(self, every, heads):
        return self.options.work_dir / f"{ROWS[every]}-{heads}"

    def job(self, every, heads, directory=None):
        """Options of the coordinator that make up the job."""
        return [
            "--every",
            str(every),
            "--heads",
            "subsets" if heads == "all" else "pairs",
            "--epochs",
            str(self.backbone_epochs(every)),
            *self.seed,
            "--threads",
            str(len(self.cpus)),
            "--quiet",
            "--json",
            "--run-dir",
            str(directory or self.run_directory(every, heads)),
        ]

    def python(self, program, kind, *words):
        return [sys.executable, str(HERE / f"{program}.py"), kind, *map(str, words), *self.seed]

    def peer_environment(self, threads, preload):
        settings = {"OMP_NUM_THREADS": str(threads)}
        return settings | ({"LD_PRELOAD": self.tcmalloc} if preload and self.tcmalloc else {})


def image_folders():
    own = os.environ.get("MANYHEADS_DATA")
    for folder in ([own] if own else []) + ["/usr/share/datasets"]:
        yield Path(folder, "fashion-mnist")
        yield Path(folder)


def is_image_folder(folder):
    return any((folder / (IMAGES + end)).exists() for end in ("", ".gz"))


def read_figures(output):
    """What a peer's program prints last."""
    return json.loads(output.strip().splitlines()[-1])["figures"]


# The plan: what is measured, and how much of it. An entry: figure, program, kind, package, whether
# tcmalloc helps it, threads inside a process (0: as many as cores). What would take minutes is
# measured in part, by epochs or by a sample of the heads, and the table says so.
HEAD_PEERS = [
    ("jax-exact", "heads_jax", "exact", "jax", False, 0),
    ("jax-shared", "heads_jax", "shared", "jax", False, 0),
    ("torch-exact", "heads_torch", "exact", "torch", True, 0),
    ("torch-shared", "heads_torch", "shared", "torch", True, 0),
    ("torch-manual", "heads_torch", "manual", "torch", True, 1),
    ("torch-loop", "heads_torch", "loop", "torch", True, 1),
    ("sklearn-logistic", "heads_sklearn", "logistic", "scikit-learn", False, 1),
    ("sklearn-sgd", "heads_sklearn", "sgd", "scikit-learn", False, 1),
]

# (rows, heads) to the part of the job that a peer does; all of it where it is not listed.
PARTS = {
    (6_000, "all"): {
        "torch-exact": ["--epochs", 4],
        "torch-shared": ["--epochs", 4],
        "torch-manual": ["--sample", 60],
        "torch-loop": ["--sample", 30],
    },
    (60_000, "pairs"): {"torch-loop": ["--epochs", 4], "torch-exact": ["--epochs", 10]},
    (60_000, "all"): {
        "jax-exact": ["--epochs", 2],
        "torch-exact": ["--epochs", 1],
        "torch-shared": ["--epochs", 1],
        "torch-manual": ["--sample", 14],
        "torch-loop": ["--sample", 6, "--epochs", 5],
    },
}
QUICK_PARTS = {
    (6_000, "all"): {
        "jax-exact": ["--epochs", 4],
        "torch-exact": ["--epochs", 1],
        "torch-shared": ["--epochs", 1],
        "torch-manual": ["--sample", 20],
        "torch-loop": ["--sample", 10],
    },
}


def head_cases(bench):
    """The cases of the heads, all of one job after the other, ours first."""
    cases = []
    for every in [10] if bench.quick else [10, 1]:
        rows = ROWS[every]
        exported = bench.run_directory(every, "all")
        for heads in ("pairs", "all"):
            parts = (QUICK_PARTS if bench.quick else PARTS).get((rows, heads), {})
            cases.append(our_heads(bench, every, heads))
            if heads == "pairs":
                cases.append(our_optima(bench, every))
            for peer, program, kind, package, preload, threads in HEAD_PEERS:
                if package == "scikit-learn" and heads == "all":
                    continue
                cases.append(
                    Case(
                        f"heads-{rows}-{heads}-{peer}",
                        [{"peer": peer, "rows": rows, "heads": heads}],
                        bench.python(
                            program,
                            kind,
                            "--peer",
                            peer,
                            "--features",
                            exported,
                            "--heads",
                            heads,
                            "--threads",
                            len(bench.cpus),
                            *parts.get(peer, []),
                        ),
                        read_figures,
                        # So far from the others that one look is enough.
                        rounds=1 if package == "torch" and peer in parts else 3,
                        package=package,
                        needs=f"{every}",
                        threads=len(bench.cpus),
                        environment=bench.peer_environment(threads or len(bench.cpus), preload),
                    )
                )
        cases += keras_heads(bench, every, exported)
    return cases


def our_name(workers, bench):
    return "ours" if workers == len(bench.cpus) else "ours-alone"


def our_heads(bench, every, heads):
    counts = [1, len(bench.cpus)] if len(bench.cpus) > 1 else [1]
    rows = ROWS[every]

    def read(output):
        return [
            {
                "peer": our_name(line["workers"], bench),
                "rows": rows,
                "heads": heads,
                "seconds": line["seconds"],
            }
            for line in json.loads(output)["summary"]
        ]

    trials = 3 if rows == 6_000 else 1
    return Case(
        f"heads-{rows}-{heads}-ours",
        [{"peer": our_name(count, bench), "rows": rows, "heads": heads} for count in counts],
        [
            str(BINARIES / "coordinator"),
            "benchmark",
            "--workers",
            ",".join(map(str, counts)),
            "--trials",
            str(trials),
            *bench.job(every, heads),
        ],
        read,
        limit=1_800,
        needs=f"{every}",
        threads=len(bench.cpus),
    )


def our_optima(bench, every):
    """Pairs at their optimum, with the penalty that scikit-learn's C = 1 is to a pair of equal classes."""
    rows = ROWS[every]
    workers = len(bench.cpus)
    directory = bench.run_directory(every, "optima")
    figure = {"peer": "ours-optimum", "rows": rows, "heads": "pairs"}

    def read(output):
        results = json.loads(output)
        if results["heads"]["certified"] != results["heads"]["trained"]:
            raise ValueError("not every head is at its optimum")
        accuracy = {"all_vs_all": round(results["schemes"]["all_vs_all"]["accuracy"], 4)}
        return [figure | {"seconds": results["timing"]["heads"], "accuracy": accuracy}]

    return Case(
        f"heads-{rows}-pairs-ours-optimum",
        [figure],
        # A run goes on where an earlier one was interrupted: it starts over here.
        [
            "sh",
            "-c",
            'rm -rf "$0" && exec "$@"',
            str(directory),
            str(BINARIES / "coordinator"),
            "run",
            *bench.job(every, "pairs", directory),
            "--head-epochs",
            "converge",
            "--l2",
            str(round(10 / rows, 9)),
            "--workers",
            str(workers),
            "--bind",
            "tcp://127.0.0.1:0",
        ],
        read,
        rounds=1,
        needs=f"{every}",
        threads=workers,
    )


def keras_heads(bench, every, exported):
    """Few heads, which give the seconds of a head and of a step, and these the whole jobs."""
    rows = ROWS[every]
    count = 3 if bench.quick or every == 1 else 6
    kinds = [("keras-features", "features", ["--features", exported, "--sample", count])]
    if every == 10 and bench.images:
        kinds.append(
            (
                "keras-whole",
                "whole",
                ["--images", bench.images, "--every", every, "--sample", 2, "--epochs", 2],
            )
        )
    return [
        Case(
            f"heads-{rows}-{peer}",
            [{"peer": peer, "rows": rows, "heads": heads} for heads in ("pairs", "all")],
            bench.python("heads_keras", kind, "--peer", peer, "--threads", len(bench.cpus), *words),
            read_figures,
            rounds=1,
            package="keras",
            needs=f"{every}",
            threads=len(bench.cpus),
            environment=bench.peer_environment(len(bench.cpus), True),
        )
        for peer, kind, words in kinds
    ]


def backbone_cases(bench):
    cases = []
    precisions = ["fp32", "bf16"] if bench.has_bf16 else ["fp32"]
    for threads in sorted({len(bench.cpus), 1}, reverse=True):
        for precision in precisions:
            cases.append(our_backbone(bench, threads, precision))
            for peer, package in (("keras", "keras"), ("torch", "torch")):
                name = peer if precision == "fp32" else f"{peer}-{precision}"
                program = f"backbone_{peer}"
                few = ["--epochs", 1 if bench.quick else 2]
                # Eleven and the one before them are the post's twelve, whose accuracy is known.
                whole = threads > 1 and not bench.quick
                first = ["--epochs", 11, "--whole"] if whole else few
                words = [
                    "--peer",
                    name,
                    "--images",
                    bench.images,
                    "--every",
                    10,
                    "--threads",
                    threads,
                ]
                cases.append(
                    Case(
                        f"backbone-{threads}-{name}",
                        [{"peer": name, "threads": threads}],
                        bench.python(program, precision, *words, *first),
                        read_figures,
                        later=bench.python(program, precision, *words, *few),
                        package=package,
                        threads=threads,
                        environment=bench.peer_environment(threads, True),
                    )
                )
    return cases


def our_backbone(bench, threads, precision):
    name = "ours" if precision == "fp32" else f"ours-{precision}"

    def read(output):
        found = json.loads(output)
        found = found[0] if isinstance(found, list) else found
        return [
            {
                "peer": name,
                "threads": threads,
                "train": found["images_per_second"],
                "features": found.get("feature_images_per_second"),
            }
        ]

    rows, epochs = (1_280, 1) if bench.quick else (6_000, 3)
    command = [
        str(BINARIES / "bench"),
        "backbone",
        "--json",
        "--threads",
        str(threads),
        "--rows",
        str(rows),
        "--epochs",
        str(epochs),
    ]
    if precision != "fp32":
        command += ["--precision", precision]
    return Case(
        f"backbone-{threads}-{name}",
        [{"peer": name, "threads": threads}],
        command,
        read,
        threads=threads,
    )


# Classes and features: the main job's, and those of 150 intents of sentences.
PREDICTIONS = [(10, 256), (150, 384)]
OUR_PREDICTIONS = {
    "all_vs_all_hard_vote": "ours-hard-vote",
    "all_vs_all": "ours-soft-vote",
    "shortlist": "ours-shortlist",
}


def predict_cases(bench):
    """Rows through pairs of heads on one thread, features in memory, ours first."""
    cases = []
    for classes, features in PREDICTIONS:
        cases.append(our_predictions(bench, classes, features))
        for peer, package in (("numpy", ""), ("sklearn", "scikit-learn")):
            name = f"{peer}-predict"
            cases.append(
                Case(
                    f"predict-{classes}-{peer}",
                    [{"peer": name, "classes": classes}],
                    [
                        sys.executable,
                        str(HERE / "predict.py"),
                        peer,
                        *map(str, (name, classes, features)),
                        *bench.seed[1:],
                    ],
                    read_figures,
                    # Thousands of estimators have to be fitted first.
                    rounds=1 if peer == "sklearn" and classes > 10 else 3,
                    package=package,
                    threads=1,
                    environment=bench.peer_environment(1, False) | {"OPENBLAS_NUM_THREADS": "1"},
                )
            )
    return cases


def our_predictions(bench, classes, features):
    peers = [p for s, p in OUR_PREDICTIONS.items() if classes > 10 or s != "shortlist"]

    def read(output):
        return [
            {
                "peer": OUR_PREDICTIONS[line["scheme"]],
                "classes": classes,
                "predict": line["rows_per_second"],
            }
            for line in json.loads(output)
            if line["scheme"] in OUR_PREDICTIONS
        ]

    return Case(
        f"predict-{classes}-ours",
        [{"peer": peer, "classes": classes} for peer in peers],
        [
            str(BINARIES / "bench"),
            "predict",
            "--json",
            "--cases",
            f"{classes}x{features}",
            "--repetitions",
            "3" if bench.quick else "11",
        ],
        read,
        threads=1,
    )


# Whom a probe is compared with: kind, peer, its package, and whether it is so slow that once is enough.
PROBE_PEERS = {
    "softmax": [
        ("softmax", "sklearn-default", "scikit-learn", False),
        ("exact", "sklearn-exact", "scikit-learn", True),
        ("dinov3", "sklearn-dinov3", "scikit-learn", True),
    ],
    "rest": [
        ("rest", "sklearn-rest", "scikit-learn", False),
        ("liblinear", "liblinear", "liblinear-official", False),
    ],
    "pairs": [("pairs", "sklearn-pairs", "scikit-learn", False)],
}


def probe_cases(bench):
    """Penalties of heads on features of the user's own, ours first; none without such features."""
    folder = bench.options.probe_data
    if folder is None:
        return []
    cases = []
    for part, peers in PROBE_PEERS.items():
        cases.append(our_probe(bench, part, folder))
        for kind, peer, package, is_slow in peers:
            cases.append(
                Case(
                    f"probe-{part}-{peer}",
                    [{"peer": peer, "probe": part}],
                    [sys.executable, str(HERE / "probe.py"), kind, peer, str(folder)],
                    read_figures,
                    rounds=1 if is_slow else 3,
                    limit=7_200 if is_slow else 900,
                    package=package,
                    threads=len(bench.cpus),
                    environment=bench.peer_environment(len(bench.cpus), False),
                )
            )
    return cases


def our_probe(bench, part, folder):
    schemes = {"softmax": "one_vs_all", "rest": "one_vs_rest", "pairs": "all_vs_all"}
    directory = bench.options.work_dir / f"probe-{part}"

    def read(output):
        found = json.loads(output)
        points = found["path"][schemes[part]]
        figure = {
            "peer": "ours-probe",
            "probe": part,
            # From the first head to the choice: all penalties, chosen by held-out rows.
            "seconds": found["timing"]["path"],
            "objectives": [point["objective"] for point in points],
            "gap": max(point["gap_max"] for point in points),
        }
        if any(point["certified"] < point["heads"] for point in points):
            raise ValueError("not all heads are certified")
        return [figure]

    files = ["train-features.npy", "train-labels.npy"]
    return Case(
        f"probe-{part}-ours",
        [{"peer": "ours-probe", "probe": part}],
        [
            # A probe that is there is not done again.
            *("sh", "-c", 'rm -rf "$1" && shift && exec "$@"', "sh", str(directory)),
            str(BINARIES / "coordinator"),
            "probe",
            "--train",
            str(folder / files[0]),
            "--train-labels",
            str(folder / files[1]),
            "--val",
            str(folder / "val-features.npy"),
            "--val-labels",
            str(folder / "val-labels.npy"),
            "--schemes",
            schemes[part].replace("_", "-"),
            "--C",
            "1e-6..1e5:45" if part == "softmax" else "1",
            "--workers",
            str(len(bench.cpus)),
            "--bind",
            "tcp://127.0.0.1:0",
            "--json",
            "--run-dir",
            str(directory),
        ],
        read,
        threads=len(bench.cpus),
    )
