#!/usr/bin/env bash
# Package:      hiclass 5.0.8 with scikit-learn 1.9.1, numpy 2.4.6
# Guess:        a model fitted to integer labels predicts integers, and HiClass's
#               own f1 of a faultless prediction is 1.
# What happens: predict returns text ("10" for 10). HiClass's own f1 compares that
#               with the integers, finds nothing in common and returns 0, with
#               only scikit-learn's general warning of an ill-defined score.
#               It also counts a label that stands at another level: path (1, 2)
#               predicted as (2, 1) scores a full 1, though no level is right.
# Output seen (2026-11-30):
#   labels given: int64  labels predicted: U ['2', '21']  faultless: True
#   f1(integers, prediction): 0.0   f1(text, prediction): 1.0
#   f1 of paths (1, 2), (2, 1) against (2, 1), (1, 2): 1.0
#   AS STATED: HiClass gives a faultless prediction of integer labels an f1 of 0, and swapped levels one of 1.
# Exit status: 0 and a sentence when it is as stated, 1 and a sentence when not.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    'numpy==2.4.6' \
    'scikit-learn==1.9.1' \
    'hiclass==5.0.8'
cd "$work"

venv/bin/python - <<'PY'
import logging
import sys
import warnings

import numpy as np
from hiclass import LocalClassifierPerParentNode
from hiclass.metrics import f1
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore", UndefinedMetricWarning)
rng = np.random.default_rng(0)
paths = np.array([[1, 10], [1, 11], [2, 20], [2, 21]])
y = paths[rng.integers(0, 4, 200)]
x = np.stack([y[:, 0] == 1, y[:, 1] == 10, y[:, 1] == 20], axis=1) * 8.0 + rng.normal(size=(200, 3)) * 0.1
predicted = LocalClassifierPerParentNode(local_classifier=LogisticRegression()).fit(x, y).predict(x)
faultless = bool((predicted.astype(int) == y).all())
own = float(f1(y, predicted))
as_text = float(f1(y.astype(str), predicted))
swapped = float(f1(np.array([[1, 2], [2, 1]]), np.array([[2, 1], [1, 2]])))
print("labels given:", y.dtype, " labels predicted:", predicted.dtype.kind, predicted[0].tolist(), " faultless:", faultless)
print("f1(integers, prediction):", own, "  f1(text, prediction):", as_text)
print("f1 of paths (1, 2), (2, 1) against (2, 1), (1, 2):", swapped)
if not (faultless and own == 0.0 and as_text == 1.0 and swapped == 1.0):
    sys.exit("CHANGED: HiClass now scores integer labels or swapped levels otherwise.")
print("AS STATED: HiClass gives a faultless prediction of integer labels an f1 of 0, and swapped levels one of 1.")
PY
