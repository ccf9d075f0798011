#!/usr/bin/env bash
# Package:      numpy 2.4.6 (np.savez, np.savez_compressed)
# Guess:        np.savez(path, **arrays) stores every array of the dictionary, or
#               refuses a name that it cannot store.
# What happens: an array named `allow_pickle` is taken for the option of that name
#               (a keyword of newer numpy releases) and is not stored. No error,
#               no warning: the archive is simply one array short.
# Output seen (2026-11-30):
#   savez: given ['weights', 'allow_pickle'], stored ['weights']
#   savez_compressed: given ['weights', 'allow_pickle'], stored ['weights']
#   AS STATED: np.savez silently leaves out an array named allow_pickle.
# Exit status: 0 and a sentence when it is as stated, 1 and a sentence when not.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    'numpy==2.4.6'
cd "$work"

venv/bin/python - <<'PY'
import sys

import numpy as np

arrays = {"weights": np.arange(6.0).reshape(2, 3), "allow_pickle": np.array([True, False, True])}
kept = {}
for writer in (np.savez, np.savez_compressed):
    writer("arrays.npz", **arrays)
    with np.load("arrays.npz") as archive:
        kept[writer.__name__] = archive.files
    print(f"{writer.__name__}: given {list(arrays)}, stored {kept[writer.__name__]}")
if any(names != ["weights"] for names in kept.values()):
    sys.exit("CHANGED: np.savez now stores (or refuses) an array named allow_pickle.")
print("AS STATED: np.savez silently leaves out an array named allow_pickle.")
PY
