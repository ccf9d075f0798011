#!/usr/bin/env bash
# Package:      vowpalwabbit 9.11.9
# Guess:        feature names are hashed, so whether two of the names 1, 2, 3, ...
#               share a weight is a rare accident.
# What happens: a name of digits is not hashed; its number is the address. So the
#               names 1 and 262145 (2^18 apart, 18 bits being the default) share a
#               weight always, and so do 1 and 01. The same numbers behind a
#               letter do not; nor do they with --hash all.
# Output seen (2026-11-30):
#   names 1 and 2 : scores 3.197 and -3.197
#   names 1 and 262145 : scores -0.020 and -0.020
#   names 1 and 01 : scores -0.020 and -0.020
#   names f1 and f262145 : scores 3.197 and -3.197
#   names 1 and 262145 --hash all: scores 3.197 and -3.197
#   names 1 and 262145 --bit_precision 19: scores 3.197 and -3.197
#   AS STATED: numeric names that differ by 2^18, and 1 and 01, always share a weight.
# Exit status: 0 and a sentence when it is as stated, 1 and a sentence when not.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    'vowpalwabbit==9.11.9'
cd "$work"

venv/bin/python - <<'PY'
import sys

from vowpalwabbit import Workspace


def separable(first, second, options=""):
    vw = Workspace(f"--quiet --loss_function logistic --noconstant {options}")
    for _ in range(50):
        vw.learn(f"1 | {first}")
        vw.learn(f"-1 | {second}")
    scores = vw.predict(f"| {first}"), vw.predict(f"| {second}")
    vw.finish()
    return scores


apart = {}
for first, second, options in (
    ("1", "2", ""),
    ("1", "262145", ""),
    ("1", "01", ""),
    ("f1", "f262145", ""),
    ("1", "262145", "--hash all"),
    ("1", "262145", "--bit_precision 19"),
):
    low_high = separable(first, second, options)
    apart[first, second, options] = low_high[0] != low_high[1]
    print(f"names {first} and {second} {options}: scores {low_high[0]:.3f} and {low_high[1]:.3f}")
if list(apart.values()) != [True, False, False, True, True, True]:
    sys.exit("CHANGED: numeric feature names in Vowpal Wabbit no longer stand for their own address.")
print("AS STATED: numeric names that differ by 2^18, and 1 and 01, always share a weight.")
PY
