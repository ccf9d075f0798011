"""What Scripts/compare-peers measured, as Markdown: a pure function of the JSON it keeps.

python3 Scripts/peers/table.py < measured.json
"""

import json
import statistics
import sys

OWN, SHARED = "each head's own", "shared: an easier job"

# Rows of the table of heads: the figure's name, what a reader calls it, its minibatches.
HEADS = [
    ("ours", "**Manyheads, a worker a core**", OWN),
    ("ours-alone", "**Manyheads, one worker**", OWN),
    ("jax-exact", "JAX, a head's step vmapped over all heads", OWN),
    ("jax-shared", "JAX, one product for all heads", SHARED),
    ("torch-exact", "PyTorch, batched products over all heads", OWN),
    ("torch-shared", "PyTorch, one product for all heads", SHARED),
    ("torch-manual", "PyTorch per head, gradient by hand, a process a core", OWN),
    ("torch-loop", "PyTorch per head, autograd, a process a core", OWN),
    (
        "ours-optimum",
        "**Manyheads, every head at its optimum, a worker a core**",
        "none: all rows at once",
    ),
    (
        "sklearn-logistic",
        "scikit-learn OneVsOneClassifier, logistic regression",
        "none: L-BFGS on all rows",
    ),
    ("sklearn-sgd", "scikit-learn OneVsOneClassifier, SGD for 20 epochs", "single rows"),
    ("keras-features", "Keras, model and fit per head, cached features", OWN),
    ("keras-whole", "Keras as the post does it: the frozen backbone in every head's model", OWN),
]

# Rows of the table of the backbone: the figure's name, what a reader calls it, its precision.
BACKBONES = [
    ("ours", "**Manyheads**", "fp32"),
    ("keras", "Keras on TensorFlow", "fp32"),
    ("torch", "PyTorch, channels last", "fp32"),
    ("ours-bf16", "**Manyheads**", "bf16"),
    ("keras-bf16", "Keras on TensorFlow", "bf16"),
    ("torch-bf16", "PyTorch, channels last", "bf16"),
]

# Rows of the table of predictions: the figure's name, what a reader calls it.
PREDICTIONS = [
    ("ours-hard-vote", "**Manyheads, all pairs, hard vote**"),
    ("ours-soft-vote", "**Manyheads, all pairs, soft vote**"),
    ("ours-shortlist", "**Manyheads, a shortlist of ten classes and its pairs**"),
    ("numpy-predict", "NumPy, one product with all pairs, hard vote"),
    ("sklearn-predict", "scikit-learn OneVsOneClassifier.predict"),
]

# Cores that others keep busy meanwhile from which on a measurement counts as disturbed.
DISTURBING = 0.2

SCHEMES = [("all_vs_all", "all-vs-all"), ("tree", "tree"), ("refit", "refit")]


def number(value):
    """Three digits that matter, and commas: 0.312, 4.05, 2,620."""
    if value >= 100:
        digits = len(str(int(value)))
        return f"{round(value, 3 - digits if digits > 4 else 0):,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


class Notes:
    """Footnotes: equal texts share a number."""

    def __init__(self):
        self.texts = []

    def mark(self, text):
        if text not in self.texts:
            self.texts.append(text)
        return f"<sup>{self.texts.index(text) + 1}</sup>"

    def lines(self):
        return [f"<sup>{index}</sup> {text}  " for index, text in enumerate(self.texts, 1)]


def matching(figures, **job):
    return [f for f in figures if all(f.get(key) == value for key, value in job.items())]


def undisturbed(figures, key):
    """The repetitions with this value: those that nobody disturbed, or all if there is none."""
    found = [figure for figure in figures if figure.get(key) is not None]
    return [figure for figure in found if figure.get("foreign", 0) <= DISTURBING] or found


def median(figures, key):
    """The median over the undisturbed repetitions; nil when there is none."""
    values = [figure[key] for figure in undisturbed(figures, key)]
    return statistics.median(values) if values else None


def cell(figures, key, notes):
    """A median, with a note of what was measured of it, or why there is none."""
    value = median(figures, key)
    if value is None:
        errors = [figure["error"] for figure in figures if "error" in figure]
        return "none" + notes.mark(errors[-1]) if errors else "-"
    used = undisturbed(figures, key)
    parts = [figure["part"] for figure in used if "part" in figure]
    text = number(value)
    if parts:
        text = "≈ " + text + notes.mark("extrapolated from " + parts[-1])
    least = min(figure.get("foreign", 0) for figure in used)
    if least > DISTURBING:
        text += notes.mark(
            "disturbed: others kept more than half a core busy"
            if least > 0.5
            else "disturbed: others kept part of a core busy"
        )
    return text


def accuracies(figures):
    """Medians over what was trained whole: "87.3% / 87.2% / 87.7%" in the order of SCHEMES."""
    found = []
    for scheme, _ in SCHEMES:
        values = [f["accuracy"][scheme] for f in figures if scheme in f.get("accuracy", {})]
        found.append(f"{100 * statistics.median(values):.1f}%" if values else "-")
    return " / ".join(found) if set(found) != {"-"} else "-"


def row(cells):
    return "| " + " | ".join(cells) + " |"


def ratio(best, ours, more_is_better):
    """How many times as good ours is; both are there or there is no ratio."""
    if not best or not ours:
        return "-"
    times = ours / best if more_is_better else best / ours
    return f"**{number(times)}×**"


def heads_table(figures, notes):
    """Seconds for each job, and the accuracies of what came out."""
    row_counts = sorted({figure["rows"] for figure in figures})
    jobs = [(rows, heads) for rows in row_counts for heads in ("pairs", "all")]
    titles = {"pairs": "45 pairs", "all": "1,013 heads"}
    lines = [
        row(
            ["", "minibatches"]
            + [f"{titles[heads]}, {rows:,} rows" for rows, heads in jobs]
            + [f"accuracy, {rows:,} rows" for rows in row_counts]
        ),
        row(["---", "---"] + ["---:"] * (len(jobs) + len(row_counts))),
    ]
    for peer, label, minibatches in HEADS:
        mine = matching(figures, peer=peer)
        if not mine:
            continue
        seconds = [
            cell(matching(mine, rows=rows, heads=heads), "seconds", notes) for rows, heads in jobs
        ]
        lines.append(
            row(
                [label, minibatches]
                + seconds
                + [accuracies(matching(mine, rows=rows)) for rows in row_counts]
            )
        )

    def against(title, kinds):
        ratios = []
        for rows, heads in jobs:
            of_job = matching(figures, rows=rows, heads=heads)
            peers = [
                median(matching(of_job, peer=peer), "seconds")
                for peer, _, kind in HEADS
                if kind in kinds and not peer.startswith("ours")
            ]
            best = min((value for value in peers if value is not None), default=None)
            ours = median(matching(of_job, peer="ours"), "seconds")
            ratios.append(ratio(best, ours, more_is_better=False))
        return row([title, ""] + ratios + [""] * len(row_counts))

    lines.append(against("Manyheads, a worker a core, against the fastest of the same job", [OWN]))
    lines.append(against("… against the fastest of all", {kind for _, _, kind in HEADS}))
    return lines


def backbone_table(figures, notes):
    """Images per second of training and of features, by threads."""
    threads = sorted({figure["threads"] for figure in figures}, reverse=True)
    columns = [(key, count) for key in ("train", "features") for count in threads]
    titles = {"train": "training", "features": "features"}
    lines = [
        row(
            ["", "precision"]
            + [f"{titles[key]}, {count} thread{'s' * (count > 1)}" for key, count in columns]
            + ["accuracy"]
        ),
        row(["---", "---"] + ["---:"] * (len(columns) + 1)),
    ]
    for peer, label, precision in BACKBONES:
        mine = matching(figures, peer=peer)
        if not mine:
            continue
        reached = [f["accuracy"]["one_vs_all"] for f in mine if "accuracy" in f]
        lines.append(
            row(
                [label, precision]
                + [cell(matching(mine, threads=count), key, notes) for key, count in columns]
                + [f"{100 * statistics.median(reached):.1f}%" if reached else "-"]
            )
        )
    for kind in ("fp32", "bf16"):
        ratios = []
        for key, count in columns:
            of_job = matching(figures, threads=count)
            peers = [
                median(matching(of_job, peer=peer), key)
                for peer, _, precision in BACKBONES
                if precision == kind and not peer.startswith("ours")
            ]
            best = max((value for value in peers if value is not None), default=None)
            ours = median(matching(of_job, peer="ours" if kind == "fp32" else "ours-bf16"), key)
            ratios.append(ratio(best, ours, more_is_better=True))
        if set(ratios) != {"-"}:
            lines.append(row(["Manyheads against the faster", kind] + ratios + [""]))
    return lines


def predictions_table(figures, notes):
    """Rows per second, by classes."""
    classes = sorted({figure["classes"] for figure in figures})
    lines = [
        row([""] + [f"{count} classes" for count in classes]),
        row(["---"] + ["---:"] * len(classes)),
    ]
    for peer, label in PREDICTIONS:
        mine = matching(figures, peer=peer)
        if mine:
            cells = [cell(matching(mine, classes=count), "predict", notes) for count in classes]
            lines.append(row([label] + cells))
    for peer, label in PREDICTIONS:
        if peer.startswith("ours") or not matching(figures, peer=peer):
            continue
        ratios = [
            ratio(
                median(matching(figures, peer=peer, classes=count), "predict"),
                median(matching(figures, peer="ours-hard-vote", classes=count), "predict"),
                more_is_better=True,
            )
            for count in classes
        ]
        lines.append(row([f"Hard vote against {label.split(',')[0]}"] + ratios))
    return lines


PROBE_PEERS = [
    ("ours-probe", "Manyheads, every gap certified"),
    ("sklearn-default", "scikit-learn, lbfgs, its default tolerance"),
    ("sklearn-exact", "scikit-learn, lbfgs, tol=1e-8"),
    ("sklearn-dinov3", "scikit-learn, lbfgs, tol=1e-12, 1,000 iterations"),
    ("sklearn-rest", "scikit-learn OneVsRestClassifier, tol=1e-6, n_jobs=2"),
    ("liblinear", "LIBLINEAR -s 0 -B 1 -e 0.0001, the bias penalised as well"),
    ("sklearn-pairs", "scikit-learn OneVsOneClassifier, its default tolerance, n_jobs=2"),
]
PROBE_PARTS = {
    "softmax": "45 values of C, softmax over all classes",
    "rest": "every class against the rest, C = 1",
    "pairs": "every pair, C = 1",
}


def worst_gap(figure, least):
    """How far an objective is above the least one that anybody found, at most, by its size."""
    pairs = list(zip(figure.get("objectives", []), least, strict=False))
    return max((mine / best - 1 for mine, best in pairs), default=None)


def probe_table(figures, notes):
    """Seconds by peer and part, and how far from the optimum it ends."""
    lines = [
        row(["", "seconds", "largest gap", "Manyheads is faster"]),
        row(["---", "---:", "---:", "---:"]),
    ]
    for part, title in PROBE_PARTS.items():
        mine = matching(figures, probe=part)
        if not mine:
            continue
        lists = [figure["objectives"] for figure in mine if figure.get("objectives")]
        least = [min(values) for values in zip(*lists, strict=False)]
        ours = median(matching(mine, peer="ours-probe"), "seconds")
        lines.append(row([f"**{title}**", "", "", ""]))
        for peer, label in PROBE_PEERS:
            own = matching(mine, peer=peer)
            if not own:
                continue
            gaps = [worst_gap(figure, least) for figure in own if figure.get("objectives")]
            seconds = median(own, "seconds")
            times = "-" if peer == "ours-probe" else ratio(seconds, ours, more_is_better=False)
            gap = f"{max(gaps):.1e}" if gaps else "-"
            lines.append(row([label, cell(own, "seconds", notes), gap, times]))
    return lines


def widest_spread(figures):
    """The largest (highest - lowest) / median of what was repeated, in percent."""
    repeated = {}
    for figure in figures:
        for key in ("seconds", "train", "features", "predict"):
            if figure.get(key) is not None and figure.get("foreign", 0) <= DISTURBING:
                job = (
                    figure["peer"],
                    figure.get("rows"),
                    figure.get("heads"),
                    figure.get("threads"),
                    figure.get("classes"),
                    key,
                )
                repeated.setdefault(job, []).append(figure[key])
    spreads = [
        (max(values) - min(values)) / statistics.median(values)
        for values in repeated.values()
        if len(values) > 1
    ]
    return round(100 * max(spreads)) if spreads else None


def markdown(measured):
    """The whole text; `measured` is what compare.py writes with --json."""
    figures = measured["figures"]
    heads = [figure for figure in figures if "heads" in figure]
    backbones = [figure for figure in figures if "threads" in figure]
    predictions = [figure for figure in figures if "classes" in figure]
    probes = [figure for figure in figures if "probe" in figure]
    notes = Notes()
    versions = ", ".join(
        f"{name} {version or 'not installed'}" for name, version in measured["versions"].items()
    )
    lines = [
        f"`{measured['command']}` on {measured['date']}, {measured['cores']} cores of "
        f"{measured['cpu']}; Manyheads {measured['commit']}, {versions}; {measured['malloc']}.",
    ]
    if heads:
        epochs = "; ".join(
            f"{rows} rows: {count} epoch{'s' * (count > 1)}"
            for rows, count in measured["backbone_epochs"].items()
        )
        lines += [
            "",
            "Seconds to train the heads on the same features of Fashion-MNIST (20 epochs, "
            "minibatches of 128, Adadelta, dropout .5), from the features in memory to the last "
            "head, without start-up, compiling (JAX) and, for Manyheads, the broadcast; accuracy "
            f"on the test set: {' / '.join(name for _, name in SCHEMES)}. The backbone under "
            f"them is only as good as it need be here ({epochs}).",
            "",
            *heads_table(heads, notes),
        ]
    if backbones:
        lines += [
            "",
            "Backbone, images per second: training in minibatches of 128 with Adadelta and "
            "dropout, and features of images already in memory; accuracy of one-vs-all after 12 "
            "epochs on 6,000 rows, where so many were trained.",
            "",
            *backbone_table(backbones, notes),
        ]
    if predictions:
        lines += [
            "",
            "Predictions, rows per second on one thread, features in memory: 10 classes of 256 "
            "features, 150 of 384, random heads. The same products, and a vote of every pair, "
            "except where a shortlist is said.",
            "",
            *predictions_table(predictions, notes),
        ]
    if probes:
        lines += [
            "",
            "A linear probe on features of the user's own: seconds of all fits (Manyheads' with "
            "workers' start, sending, and predicting the validation rows), and how far an objective "
            "is above the least that anybody here found.",
            "",
            *probe_table(probes, notes),
        ]
    if notes.texts:
        lines += ["", *notes.lines()]
    rounds = 1 + max((figure["round"] for figure in figures), default=0)
    spread = widest_spread(figures)
    repeated = (
        f"Medians of up to {rounds} rounds in each of which all take their turn"
        if rounds > 1
        else "One round, nothing repeated"
    )
    if spread is not None:
        repeated += f"; the widest spread is {spread}%"
    lines += ["", f"{repeated}. Work of others on the cores meanwhile: {measured['foreign']}."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        sys.stdout.write(markdown(json.load(file)))
