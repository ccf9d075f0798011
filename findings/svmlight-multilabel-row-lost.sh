#!/usr/bin/env bash
# Package:      scikit-learn 1.9.1 (dump_svmlight_file, load_svmlight_file), numpy 2.4.6
# Guess:        a multilabel data set keeps its number of rows on the way through
#               an svmlight file.
# What happens: a row with no label and no non-zero feature is written as a line
#               holding one space, and the reader skips that line. The data set
#               comes back one row shorter, with no error or warning, and all
#               later rows move up against anything numbered by row.
# Output seen (2026-11-30):
#   lines written: ['0 0:1 2:2', ' ', '1 0:3 2:4', '0 ']
#   rows written: 4  rows read: 3  labels read: [(0,), (1,), (0,)]
#   AS STATED: a row with neither label nor feature is written but not read back.
# Exit status: 0 and a sentence when it is as stated, 1 and a sentence when not.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    'numpy==2.4.6' \
    'scipy==1.17.1' \
    'scikit-learn==1.9.1'
cd "$work"

venv/bin/python - <<'PY'
import sys

import numpy as np
from sklearn.datasets import dump_svmlight_file, load_svmlight_file

x = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 0.0], [3.0, 0.0, 4.0], [0.0, 0.0, 0.0]])
y = np.array([[1, 0], [0, 0], [0, 1], [1, 0]])  # row 1: no label; row 3: a label, no feature
dump_svmlight_file(x, y, "data.svm", multilabel=True)
print("lines written:", open("data.svm").read().split("\n")[:-1])
x2, y2 = load_svmlight_file("data.svm", multilabel=True)
print("rows written:", x.shape[0], " rows read:", x2.shape[0], " labels read:", [tuple(map(int, t)) for t in y2])
if x2.shape[0] != 3 or len(y2) != 3:
    sys.exit("CHANGED: the row without labels and features no longer disappears between writer and reader.")
print("AS STATED: a row with neither label nor feature is written but not read back.")
PY
