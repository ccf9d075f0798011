#!/usr/bin/env bash
# Package:      duckdb 2.0.1 selecting from a numpy 2.4.6 array (polars 2.1.0 beside it)
# Guess:        `select * from features` on an array of 5 rows and 2 columns gives
#               5 rows of 2 columns, as Polars and pandas do.
# What happens: the first axis becomes the columns: 2 rows of 5 columns. With as
#               many rows as features nothing about the shape gives it away.
# Output seen (2026-11-30):
#   array shape: (5, 2)
#   duckdb:  2 rows of 5 columns, first row (0.0, 2.0, 4.0, 6.0, 8.0)
#   polars:  (5, 2) first row (0.0, 1.0)
#   square array, first row [0.9, 0.1]  duckdb's first row [0.9, 0.8]
#   AS STATED: duckdb reads a numpy matrix transposed.
# Exit status: 0 and a sentence when it is as stated, 1 and a sentence when not.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    'numpy==2.4.6' \
    'duckdb==2.0.1' \
    'polars==2.1.0'
cd "$work"

venv/bin/python - <<'PY'
import sys

import duckdb
import numpy as np
import polars

features = np.arange(10.0).reshape(5, 2)
selected = duckdb.sql("select * from features")
rows = selected.fetchall()
print("array shape:", features.shape)
print("duckdb: ", len(rows), "rows of", len(selected.columns), "columns, first row", rows[0])
print("polars: ", polars.DataFrame(features).shape, "first row", polars.DataFrame(features).row(0))
square = np.array([[0.9, 0.1], [0.8, 0.2]])
print("square array, first row", square[0].tolist(), " duckdb's first row", list(duckdb.sql("select * from square").fetchall()[0]))
if np.array(rows).tolist() != features.T.tolist():
    sys.exit("CHANGED: duckdb no longer takes the first axis of a numpy matrix for its columns.")
print("AS STATED: duckdb reads a numpy matrix transposed.")
PY
