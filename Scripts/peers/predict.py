"""Rows a second through all pairs of classes on one thread, features in memory.

python3 predict.py numpy|sklearn PEER CLASSES FEATURES SEED
"""

import itertools
import sys
import warnings

import job
import numpy as np

kind, peer = sys.argv[1:3]
classes, width, seed = map(int, sys.argv[3:6])
random = np.random.default_rng(seed)


def half_sparse(count):
    """Features as a relu layer gives them."""
    return np.maximum(random.random((count, width), np.float32) - 0.5, 0)


def product():
    """What a person writes who knows that a pair is one vector: a product, signs, and two more."""
    pairs = np.array(list(itertools.combinations(range(classes), 2)))
    weights = random.random((width, len(pairs)), np.float32) - 0.5
    biases = np.zeros(len(pairs), np.float32)
    # A pair is for its first class or its second: a vote is a difference and a constant.
    votes = np.zeros((len(pairs), classes), np.float32)
    votes[np.arange(len(pairs)), pairs[:, 0]] = 1
    votes[np.arange(len(pairs)), pairs[:, 1]] = -1

    def predict(rows):
        won = (rows @ weights + biases >= 0).astype(np.float32)
        return (won @ votes + np.arange(classes, dtype=np.float32)).argmax(1)

    return predict


def one_vs_one():
    """Estimators fitted in a hurry: prediction takes as long with bad ones."""
    from sklearn.linear_model import SGDClassifier
    from sklearn.multiclass import OneVsOneClassifier

    warnings.filterwarnings("ignore")
    estimator = SGDClassifier(max_iter=1, tol=None, random_state=seed)
    labels = np.arange(4 * classes) % classes
    return OneVsOneClassifier(estimator).fit(half_sparse(len(labels)), labels).predict


predict = product() if kind == "numpy" else one_vs_one()
count = 16_384 if classes <= 10 else 1_024 if kind == "numpy" else 200
rows = half_sparse(count)
predict(rows[:64])
seconds, _ = job.timed(lambda: predict(rows), repeats=11, enough=10.0)
job.report({"peer": peer, "classes": classes, "predict": count / seconds})
