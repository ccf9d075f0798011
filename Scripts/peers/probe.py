"""A linear probe on frozen features: scikit-learn and LIBLINEAR at the penalties of `coordinator probe`.

python3 probe.py softmax|exact|dinov3|rest|liblinear|pairs PEER FOLDER

FOLDER has train-features.npy and train-labels.npy. Prints the seconds of all fits, and by penalty the mean
objective of the heads in double: mean loss, and half of the squared weights over C n.
"""

import itertools
import os
import sys
import warnings

import job
import numpy as np
from sklearn.linear_model import LogisticRegression

kind, peer, folder = sys.argv[1:4]
PENALTIES = np.logspace(-6, 5, 45)
features = np.load(os.path.join(folder, "train-features.npy")).astype(np.float64)
names, labels = np.unique(
    np.load(os.path.join(folder, "train-labels.npy")), return_inverse=True
)
count, classes = len(labels), len(names)
warnings.filterwarnings("ignore")


def softmax_objective(weights, biases, penalty):
    logits = features @ weights.T + biases
    highest = logits.max(1)
    sums = np.log(np.exp(logits - highest[:, None]).sum(1)) + highest
    return (sums - logits[np.arange(count), labels]).mean() + (weights**2).sum() / (
        2 * penalty * count
    )


def binary_objective(weights, bias, rows, signs, penalty):
    margins = signs * (rows @ weights + bias)
    return np.logaddexp(0, -margins).mean() + weights @ weights / (2 * penalty * len(rows))


def sweep(tolerance, limit, penalties):
    seconds, objectives = 0.0, []
    for penalty in penalties:
        model = LogisticRegression(C=penalty, tol=tolerance, max_iter=limit)
        seconds += job.timed(lambda: model.fit(features, labels), repeats=1)[0]  # noqa: B023
        objectives.append(softmax_objective(model.coef_, model.intercept_, penalty))
    return seconds, objectives


def rest():
    from sklearn.multiclass import OneVsRestClassifier

    # At a tolerance that leaves gaps like ours.
    estimator = LogisticRegression(C=1.0, tol=1e-6, max_iter=10_000)
    model = OneVsRestClassifier(estimator, n_jobs=2)
    seconds, _ = job.timed(lambda: model.fit(features, labels), repeats=1)
    objectives = [
        binary_objective(
            each.coef_[0], each.intercept_[0], features, np.where(labels == label, 1, -1), 1.0
        )
        for label, each in enumerate(model.estimators_)
    ]
    return seconds, [float(np.mean(objectives))]


def liblinear():
    from liblinear.liblinearutil import parameter, problem, train

    data = problem(labels.astype(float), features)
    # It penalises the bias as well: another objective, which is not compared.
    options = parameter("-s 0 -c 1 -B 1 -e 0.0001 -m 2 -q")
    try:
        seconds, _ = job.timed(lambda: train(data, options), repeats=1)
    except ValueError:
        options = parameter("-s 0 -c 1 -B 1 -e 0.0001 -q")
        seconds, _ = job.timed(lambda: train(data, options), repeats=1)
    return seconds, []


def pairs():
    from sklearn.multiclass import OneVsOneClassifier

    model = OneVsOneClassifier(LogisticRegression(C=1.0, max_iter=1000), n_jobs=2)
    seconds, _ = job.timed(lambda: model.fit(features, labels), repeats=1)
    objectives = []
    for (first, second), each in zip(
        itertools.combinations(range(classes), 2), model.estimators_, strict=True
    ):
        mine = (labels == first) | (labels == second)
        signs = np.where(labels[mine] == second, 1, -1)
        objectives.append(
            binary_objective(each.coef_[0], each.intercept_[0], features[mine], signs, 1.0)
        )
    return seconds, [float(np.mean(objectives))]


MEASURES = {
    "softmax": lambda: sweep(1e-4, 1000, PENALTIES),
    # What takes scikit-learn's solver to gaps like ours: the strongest penalties need less.
    "exact": lambda: sweep(1e-8, 20_000, PENALTIES),
    "dinov3": lambda: sweep(1e-12, 1000, PENALTIES),
    "rest": rest,
    "liblinear": liblinear,
    "pairs": pairs,
}
seconds, objectives = MEASURES[kind]()
part = {"rest": "rest", "liblinear": "rest", "pairs": "pairs"}.get(kind, "softmax")
job.report({"peer": peer, "probe": part, "seconds": seconds, "objectives": objectives})
