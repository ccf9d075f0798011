#!/usr/bin/env bash
# Package:      snapml 1.17.2 (LogisticRegression)
# Guess:        fit_intercept=True fits and uses an intercept with dual=False (the
#               only way to an L1 penalty) as it does with dual=True.
# What happens: with dual=False the coefficients are those of a fit with an
#               intercept, but intercept_ is 0 and prediction goes without it. On
#               data that are mostly of one class the model answers mostly wrong:
#               no error or warning is given.
# Output seen (2026-11-30):
#   share of class 1: 0.775
#   dual, intercept: coef [0.9222, -1.118, 0.4645], intercept [1.8272], right 0.8050
#   primal, intercept: coef [0.9222, -1.118, 0.4645], intercept [0.0], right 0.6500
#   primal, no intercept: coef [0.3661, -0.636, 0.2861], intercept [0.0], right 0.6450
#   AS STATED: with dual=False snapml fits an intercept and then leaves it out.
# Exit status: 0 and a sentence when it is as stated, 1 and a sentence when not.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    'numpy==2.4.6' \
    'scikit-learn==1.9.1' \
    'snapml==1.17.2'
cd "$work"

venv/bin/python - <<'PY'
import sys

import numpy as np
import snapml

rng = np.random.default_rng(0)
x = rng.normal(size=(400, 3))
y = (x @ [1.0, -1.0, 0.5] + 2 + rng.logistic(size=400) > 0).astype(int)
print("share of class 1:", float(y.mean()))


def fit(**options):
    return snapml.LogisticRegression(max_iter=2000, tol=1e-8, regularizer=0.1, n_jobs=1, **options).fit(x, y)


dual = fit(dual=True, fit_intercept=True)
primal = fit(dual=False, fit_intercept=True)
bare = fit(dual=False, fit_intercept=False)
for name, model in (("dual, intercept", dual), ("primal, intercept", primal), ("primal, no intercept", bare)):
    print(f"{name}: coef {np.ravel(model.coef_).round(4).tolist()}, intercept {np.ravel(model.intercept_).round(4).tolist()}, "
          f"right {float((model.predict(x) == y).mean()):.4f}")
as_stated = (
    np.allclose(np.ravel(dual.coef_), np.ravel(primal.coef_), atol=1e-3)
    and abs(float(np.ravel(dual.intercept_)[0])) > 1
    and float(np.ravel(primal.intercept_)[0]) == 0.0
    and not np.allclose(np.ravel(primal.coef_), np.ravel(bare.coef_), atol=0.1)
)
if not as_stated:
    sys.exit("CHANGED: snapml's primal LogisticRegression no longer loses the intercept that it fitted.")
print("AS STATED: with dual=False snapml fits an intercept and then leaves it out.")
PY
