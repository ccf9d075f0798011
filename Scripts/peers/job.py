"""The job that all peers do, and what a measurement needs around it.

Each peer's program measures one thing and prints one JSON object: {"figures": [...]}. A figure
names the peer and its job and holds seconds (heads) or images per second (backbone); "part" says
what was measured when it was not the whole job, and "accuracy" what came out.
"""

import argparse
import gzip
import itertools
import json
import os
import statistics
import time
from typing import NamedTuple

import numpy as np

BATCH = 128
HEAD_EPOCHS = 20
DROPOUT = 0.5
RHO, EPSILON = 0.95, 1e-7
CLASSES = 10
FEATURES = 256


class Rows(NamedTuple):
    """Rows and their labels, for training and for the test."""

    train: np.ndarray
    labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def features(folder):
    """The features that `coordinator benchmark --save-features` wrote: [row, feature], float32."""
    return Rows(
        *(
            np.ascontiguousarray(np.load(os.path.join(folder, name + ".npy")))
            for name in ("features-train", "labels-train", "features-test", "labels-test")
        )
    )


def images(folder, every):
    """Fashion-MNIST from its four files, every Nth training row: [row, 28, 28, 1] in 0 to 1."""

    def read(name):
        path = os.path.join(folder, name)
        if os.path.exists(path + ".gz"):
            with gzip.open(path + ".gz") as file:
                data = file.read()
        else:
            with open(path, "rb") as file:
                data = file.read()
        # IDX: the fourth byte is the number of dimensions, each a big-endian word after it.
        sizes = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
        return np.frombuffer(data, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)

    def pixels(name, step):
        return (read(name)[::step, :, :, None] / np.float32(255)).astype(np.float32)

    return Rows(
        pixels("train-images-idx3-ubyte", every),
        read("train-labels-idx1-ubyte")[::every].astype(np.int64),
        pixels("t10k-images-idx3-ubyte", 1),
        read("t10k-labels-idx1-ubyte").astype(np.int64),
    )


def subsets(kind):
    """The class sets of the job: all pairs, or all sets of two classes and more."""
    sizes = [2] if kind == "pairs" else range(2, CLASSES + 1)
    return [classes for k in sizes for classes in itertools.combinations(range(CLASSES), k)]


def steps_per_epoch(class_sets, labels):
    """Minibatches that heads of these class sets take in an epoch, all together."""
    counts = np.bincount(labels, minlength=CLASSES)
    return sum(-(-int(counts[list(classes)].sum()) // BATCH) for classes in class_sets)


def sample(class_sets, count):
    """So many of the class sets, evenly spread over all sizes; all of them for 0."""
    if not 0 < count < len(class_sets):
        return class_sets
    return [class_sets[i * (len(class_sets) - 1) // max(1, count - 1)] for i in range(count)]


def glorot(random, classes, shape):
    """Glorot-uniform weights of a head with so many classes."""
    limit = (6 / (FEATURES + classes)) ** 0.5
    return random.uniform(-limit, limit, shape).astype(np.float32)


def accuracies(heads, rows):
    """Test accuracy of the schemes whose heads are all there.

    heads: class set to (weights [feature, class], biases [class]).
    """
    found = {}

    def logits(classes, features):
        weights, biases = heads[classes]
        return features @ weights + biases

    def rate(predicted):
        return round(float((predicted == rows.test_labels).mean()), 4)

    if all(pair in heads for pair in subsets("pairs")):
        votes = np.zeros((len(rows.test), CLASSES))
        for pair in subsets("pairs"):
            outputs = logits(pair, rows.test)
            odds = np.exp(outputs - outputs.max(1, keepdims=True))
            votes[:, list(pair)] += odds / odds.sum(1, keepdims=True)
        found["all_vs_all"] = rate(votes.argmax(1))
    everything = tuple(range(CLASSES))
    if everything in heads:
        found["refit"] = rate(logits(everything, rows.test).argmax(1))
    if all(classes in heads for classes in subsets("all")):
        left = {everything: np.arange(len(rows.test))}
        predicted = np.zeros(len(rows.test), np.int64)
        while left:
            classes, members = left.popitem()
            if len(classes) == 1:
                predicted[members] = classes[0]
                continue
            worst = logits(classes, rows.test[members]).argmin(1)
            for index, dropped in enumerate(classes):
                losers = members[worst == index]
                if len(losers):
                    rest = tuple(c for c in classes if c != dropped)
                    left[rest] = np.append(left.get(rest, np.array([], np.int64)), losers)
        found["tree"] = rate(predicted)
    return found


def timed(work, repeats=3, enough=2.0):
    """Median seconds of a few calls, fewer once `enough` seconds are spent, and the last value."""
    seconds = []
    while len(seconds) < repeats and sum(seconds) < enough:
        start = time.perf_counter()
        value = work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), value


def arguments(kinds):
    """The options of every peer's program; `kinds` are the ways in which this one can do it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("--peer", required=True, help="the figure's name")
    parser.add_argument("--features", help="folder of the features")
    parser.add_argument("--images", help="folder of the images")
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--heads", choices=["pairs", "all"], default="pairs")
    parser.add_argument("--sample", type=int, default=0, help="heads to train, 0 for all")
    parser.add_argument("--epochs", type=int, default=HEAD_EPOCHS, help="epochs to measure")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--whole", action="store_true", help="the accuracy after the last epoch")
    return parser.parse_args()


def head_figure(options, rows, seconds, heads, trained=None, **more):
    """The figure of a head job, for all its heads and epochs whatever part was measured."""
    class_sets = subsets(options.heads)
    trained = trained or class_sets
    share = steps_per_epoch(trained, rows.labels) / steps_per_epoch(class_sets, rows.labels)
    share *= options.epochs / HEAD_EPOCHS
    parts = []
    if len(trained) < len(class_sets):
        parts.append(f"{len(trained)} of {len(class_sets)} heads")
    if options.epochs < HEAD_EPOCHS:
        parts.append(f"{options.epochs} of {HEAD_EPOCHS} epochs")
    figure = {
        "peer": options.peer,
        "rows": len(rows.labels),
        "heads": options.heads,
        "seconds": seconds / share,
        **more,
    }
    if parts:
        figure["part"] = ", ".join(parts)
    elif heads:
        figure["accuracy"] = accuracies(heads, rows)
    return figure


def backbone_figure(options, rows, epoch_seconds, feature_seconds, **more):
    """The figure of a backbone: the median epoch, and features of the test images."""
    return {
        "peer": options.peer,
        "threads": options.threads,
        "train": len(rows.labels) / statistics.median(epoch_seconds),
        "features": len(rows.test) / feature_seconds,
        **more,
    }


def report(*figures):
    """Prints what was measured, as the last line of standard output."""
    print(json.dumps({"figures": figures}), flush=True)
