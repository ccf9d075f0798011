#!/usr/bin/env bash
# Package:      duckdb 2.0.1 (COPY to CSV and reading it back)
# Guess:        a column of doubles that duckdb itself wrote to CSV is found to be
#               DOUBLE again, infinities or not.
# What happens: it depends on the order of the rows. With a finite number first
#               the column is DOUBLE. With an infinity first the column is text,
#               and with nothing but both infinities it is DATE, whose values are
#               the earliest and latest dates: `inf` is a valid date to duckdb too.
# Output seen (2026-11-30):
#   [0.5, inf] -> DOUBLE ['0.5', 'inf']
#   [0.5, -inf, nan] -> DOUBLE ['0.5', '-inf', 'nan']
#   [inf, 0.5] -> VARCHAR ['inf', '0.5']
#   [-inf, 0.5] -> VARCHAR ['-inf', '0.5']
#   [inf, nan] -> VARCHAR ['inf', 'nan']
#   [-inf, inf] -> DATE ['0001-01-01', '9999-12-31']
#   AS STATED: a leading infinity makes duckdb read its own column of doubles as text or dates.
# Exit status: 0 and a sentence when it is as stated, 1 and a sentence when not.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    'numpy==2.4.6' \
    'duckdb==2.0.1'
cd "$work"

venv/bin/python - <<'PY'
import sys

import duckdb

inf, nan = float("inf"), float("nan")
types = {}
for scores in ([0.5, inf], [0.5, -inf, nan], [inf, 0.5], [-inf, 0.5], [inf, nan], [-inf, inf]):
    duckdb.execute("copy (select unnest(?::double[]) as score) to 'scores.csv'", [scores])
    back = duckdb.sql("select score from 'scores.csv'")
    types[tuple(map(str, scores))] = str(back.types[0])
    print(scores, "->", back.types[0], [str(row[0]) for row in back.fetchall()])
as_stated = list(types.values()) == ["DOUBLE", "DOUBLE", "VARCHAR", "VARCHAR", "VARCHAR", "DATE"]
if not as_stated:
    sys.exit("CHANGED: duckdb's guess of a column's type no longer turns on an infinity in the first row.")
print("AS STATED: a leading infinity makes duckdb read its own column of doubles as text or dates.")
PY
