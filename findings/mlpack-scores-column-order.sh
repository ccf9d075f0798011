#!/usr/bin/env bash
# Package:      mlpack 4.8.0 (Python: nbc and linear_svm)
# Guess:        column j of the returned `probabilities` belongs to class j of the
#               sorted labels, so that the largest column names the prediction.
# What happens: columns stand in the order in which the labels first appear in the
#               training data, and no output tells that order. Labels 0, 1, 2 that
#               happen to begin with 1 give a matrix whose largest column is not
#               the predicted label; the same rows sorted by label give one whose
#               largest column is. linear_svm's `probabilities` are raw scores.
# Output seen (2026-11-30):
#   nbc, sorted by label: right 0.97; largest column = label 1.00; largest column read as (1, 2, 0) = label 0.00; first row [0.0, 1.0, 0.0]
#   nbc, labels beginning 1, 2, 0: right 0.97; largest column = label 0.00; largest column read as (1, 2, 0) = label 1.00; first row [1.0, 0.0, 0.0]
#   linear_svm, sorted by label: right 0.97; largest column = label 1.00; largest column read as (1, 2, 0) = label 0.00; first row [-2.78, 4.6, -1.82]
#   linear_svm, labels beginning 1, 2, 0: right 0.97; largest column = label 0.00; largest column read as (1, 2, 0) = label 1.00; first row [5.92, -2.25, -3.67]
#   AS STATED: mlpack's score columns follow the order in which labels first appear.
# Exit status: 0 and a sentence when it is as stated, 1 and a sentence when not.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    'numpy==2.4.6' \
    'pandas==3.1.1' \
    'mlpack==4.8.0'
cd "$work"

venv/bin/python - <<'PY'
import sys

import mlpack
import numpy as np

rng = np.random.default_rng(0)
y = np.concatenate([[1, 2, 0], rng.integers(0, 3, 297)])
x = rng.normal(size=(300, 4)) + 3 * np.eye(4)[y]


def outcome(learner, order):
    model = learner(training=x[order], labels=y[order])["output_model"]
    result = learner(input_model=model, test=x)
    return np.ravel(result["predictions"]), np.asarray(result["probabilities"])


shares = {}
for learner in (mlpack.nbc, mlpack.linear_svm):
    for name, order in (("sorted by label", np.argsort(y, kind="stable")), ("labels beginning 1, 2, 0", np.arange(300))):
        labels, scores = outcome(learner, order)
        right = float((labels == y).mean())
        plain = float((scores.argmax(axis=1) == labels).mean())
        by_appearance = float((np.array([1, 2, 0])[scores.argmax(axis=1)] == labels).mean())
        shares[learner.__name__, name] = (right, plain, by_appearance)
        print(f"{learner.__name__}, {name}: right {right:.2f}; largest column = label {plain:.2f}; "
              f"largest column read as (1, 2, 0) = label {by_appearance:.2f}; first row {scores[0].round(2).tolist()}")
as_stated = all(
    values[0] > 0.8 and ((values[1] == 1.0) if "sorted" in key[1] else (values[1] < 0.2 and values[2] == 1.0))
    for key, values in shares.items()
)
if not as_stated:
    sys.exit("CHANGED: mlpack's score columns no longer follow the first appearance of the labels.")
print("AS STATED: mlpack's score columns follow the order in which labels first appear.")
PY
