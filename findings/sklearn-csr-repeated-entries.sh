#!/usr/bin/env bash
# Package:      scikit-learn 1.9.1 with scipy 1.17.1 (csr_matrix)
# Guess:        a CSR matrix in which one position has several entries (scipy
#               defines it as their sum, and its own manual builds counts of words
#               that way) behaves as the dense matrix with the same values.
# What happens: normalize() returns rows that are not of length 1,
#               StandardScaler finds a negative variance, TfidfTransformer counts
#               a document once per entry, and an RBF SVC decides otherwise.
#               Nothing is refused or warned of. sum_duplicates() cures it all.
# Output seen (2026-11-30):
#   as dense: [[2.0, 1.0, 0.0], [1.0, 5.0, 0.0]]  canonical: False
#   row lengths after normalize: [1.291, 1.3628]
#   variance: [-0.75, -2.0, 0.0]  from dense: [0.25, 4.0, 0.0]
#   idf: [0.7123, 0.7123, 2.0986]  from dense: [1.0, 1.0, 2.0986]
#   SVC, largest gap to the dense decision values: 0.37, after sum_duplicates: 1.6e-15
#   AS STATED: repeated entries in a CSR matrix silently change what scikit-learn computes.
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
import warnings

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import StandardScaler, normalize
from sklearn.svm import SVC

warnings.simplefilter("ignore", RuntimeWarning)  # the square root of the negative variance
# two documents, one entry for each word in turn
counts = csr_matrix((np.array([1.0, 1, 1, 1, 2, 3]), np.array([0, 0, 1, 0, 1, 1]), np.array([0, 3, 6])), shape=(2, 3))
dense = counts.toarray()
print("as dense:", dense.tolist(), " canonical:", counts.has_canonical_format)
lengths = np.sqrt((normalize(counts).toarray() ** 2).sum(axis=1))
variance = StandardScaler(with_mean=False).fit(counts).var_
print("row lengths after normalize:", lengths.round(4).tolist())
print("variance:", variance.tolist(), " from dense:", StandardScaler(with_mean=False).fit(dense).var_.tolist())
print("idf:", TfidfTransformer().fit(counts).idf_.round(4).tolist(),
      " from dense:", TfidfTransformer().fit(dense).idf_.round(4).tolist())

rng = np.random.default_rng(0)
words = rng.integers(0, 30, size=(300, 20))
documents = csr_matrix((np.ones(6000), words.ravel(), np.arange(0, 6001, 20)), shape=(300, 30))
target = (documents.toarray() @ rng.normal(size=30) > 0).astype(int)
from_dense = SVC().fit(documents.toarray(), target).decision_function(documents.toarray())
as_is = SVC().fit(documents, target).decision_function(documents)
tidy = documents.copy()
tidy.sum_duplicates()
tidied = SVC().fit(tidy, target).decision_function(tidy)
gap, gap_tidied = float(np.abs(as_is - from_dense).max()), float(np.abs(tidied - from_dense).max())
print(f"SVC, largest gap to the dense decision values: {gap:.2g}, after sum_duplicates: {gap_tidied:.2g}")
as_stated = (
    lengths.min() > 1.1
    and variance.min() < 0
    and gap > 0.1
    and gap_tidied < 1e-9
)
if not as_stated:
    sys.exit("CHANGED: scikit-learn now treats CSR matrices with repeated entries as the dense matrix.")
print("AS STATED: repeated entries in a CSR matrix silently change what scikit-learn computes.")
PY
