#!/usr/bin/env bash
# Package:      scikit-learn 1.9.1 (LogisticRegression, solvers sag and saga)
# Guess:        a row with sample_weight 0 changes nothing; and where no
#               ConvergenceWarning is given, the solver is near the optimum.
# What happens: with lbfgs, newton-cholesky and liblinear a far-off row of weight
#               0 does nothing. With sag and saga it sets the step size, as if it
#               counted: the coefficients stay thousands of times too small. Told
#               max_iter=2000 and tol=1e-3 they stop after about 1000 passes and
#               report success, since the stopping test compares one small step
#               with small coefficients. Raising max_iter thus ends the warning
#               but not the error.
# Output seen (2026-11-30):
#   lbfgs: length of coefficients, with the row over without: 1, passes 6 and 6, warnings []
#   newton-cholesky: length of coefficients, with the row over without: 1, passes 4 and 4, warnings []
#   liblinear: length of coefficients, with the row over without: 1, passes 4 and 4, warnings []
#   sag: length of coefficients, with the row over without: 0.00029, passes 16 and 1001, warnings []
#   saga: length of coefficients, with the row over without: 0.00014, passes 12 and 1000, warnings []
#   AS STATED: a row of weight 0 makes sag and saga stop far from the optimum without a warning.
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
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(0)
x = rng.normal(size=(200, 4))
y = (x @ [1.0, -1.0, 0.5, 0.0] + rng.normal(size=200) > 0).astype(int)
x_more = np.vstack([x, np.full((1, 4), 1e4)])
y_more = np.append(y, 0)
weight = np.append(np.ones(200), 0.0)
ratio, warned = {}, {}
for solver in ("lbfgs", "newton-cholesky", "liblinear", "sag", "saga"):
    def fit(*data):
        return LogisticRegression(solver=solver, tol=1e-3, max_iter=2000, random_state=0).fit(*data)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        without, with_row = fit(x, y), fit(x_more, y_more, weight)
    ratio[solver] = float(np.linalg.norm(with_row.coef_) / np.linalg.norm(without.coef_))
    warned[solver] = [w.category.__name__ for w in caught]
    print(f"{solver}: length of coefficients, with the row over without: {ratio[solver]:.2g}, "
          f"passes {int(without.n_iter_[0])} and {int(with_row.n_iter_[0])}, warnings {warned[solver]}")
exact = all(abs(ratio[s] - 1) < 1e-2 for s in ("lbfgs", "newton-cholesky", "liblinear"))
broken = all(ratio[s] < 1e-2 and not warned[s] for s in ("sag", "saga"))
if not (exact and broken):
    sys.exit("CHANGED: sag and saga no longer stop early and silently on account of a row of weight 0.")
print("AS STATED: a row of weight 0 makes sag and saga stop far from the optimum without a warning.")
PY
