#!/usr/bin/env bash
# Package:      lightgbm 4.7.0 reading what scikit-learn 1.9.1 writes (dump_svmlight_file)
# Guess:        a zero-based svmlight file is read whatever rows come first; a row
#               without non-zero features is an ordinary row.
# What happens: with one feature-less row in front all is well; with two, the same
#               data are refused as an unknown format, since the format is told
#               from the first lines alone. Moving the two rows further down is
#               enough to have the file read.
# Output seen (2026-11-30):
#   0 feature-less rows in front, 0 behind: 200
#   1 feature-less rows in front, 0 behind: 201
#   0 feature-less rows in front, 2 behind: 202
#   2 feature-less rows in front, 0 behind: refused: Unknown format of training data. Only CSV, TSV, and LibSVM (zero-based) formatted text files are supported.
#   AS STATED: two feature-less rows at the start make a valid svmlight file an unknown format.
# Exit status: 0 and a sentence when it is as stated, 1 and a sentence when not.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    'numpy==2.4.6' \
    'scipy==1.17.1' \
    'scikit-learn==1.9.1' \
    'lightgbm==4.7.0'
cd "$work"

venv/bin/python - <<'PY'
import sys

import lightgbm
import numpy as np
from sklearn.datasets import dump_svmlight_file

rng = np.random.default_rng(0)
features = rng.normal(size=(200, 3))
labels = (features[:, 0] > 0).astype(int)


def rows_read(blank_in_front, blank_behind):
    x = np.vstack([np.zeros((blank_in_front, 3)), features, np.zeros((blank_behind, 3))])
    y = np.concatenate([np.zeros(blank_in_front, int), labels, np.zeros(blank_behind, int)])
    dump_svmlight_file(x, y, "data.svm", zero_based=True)
    try:
        data = lightgbm.Dataset("data.svm", params={"verbose": -1, "num_threads": 1}).construct()
        return data.num_data()
    except lightgbm.basic.LightGBMError as error:
        return f"refused: {error}"


seen = {}
for front, behind in ((0, 0), (1, 0), (0, 2), (2, 0)):
    seen[front, behind] = rows_read(front, behind)
    print(f"{front} feature-less rows in front, {behind} behind: {seen[front, behind]}")
as_stated = (seen[0, 0], seen[1, 0], seen[0, 2]) == (200, 201, 202) and "Unknown format" in str(seen[2, 0])
if not as_stated:
    sys.exit("CHANGED: LightGBM no longer refuses an svmlight file for starting with two feature-less rows.")
print("AS STATED: two feature-less rows at the start make a valid svmlight file an unknown format.")
PY
