#!/usr/bin/env bash
# Package:      skl2onnx 1.20.0 with scikit-learn 1.9.1, run by onnxruntime 1.32.0
#               (the same with scikit-learn 1.7.2)
# Guess:        an isotonically calibrated classifier converts to ONNX with the
#               probabilities of predict_proba; sigmoid calibration does.
# What happens: scikit-learn draws straight lines between the points of the fitted
#               curve; the ONNX graph has only the points' own values and jumps
#               from one to the next. Every probability that it gives is one of
#               the curve's points, and the gap reaches several hundredths.
# Output seen (2026-11-30):
#   sigmoid: largest gap 9.7e-08, distinct probabilities: scikit-learn 400, ONNX 400
#   isotonic: largest gap 0.093, distinct probabilities: scikit-learn 30, ONNX 15
#   isotonic: farthest that an ONNX probability lies from a point of the curve: 0
#   AS STATED: isotonic calibration in ONNX is a staircase where scikit-learn interpolates.
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
    'onnx==1.23.2' \
    'onnxruntime==1.32.0' \
    'skl2onnx==1.20.0'
cd "$work"

venv/bin/python - <<'PY'
import sys

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression

onnxruntime.set_default_logger_severity(4)
rng = np.random.default_rng(0)
x = rng.normal(size=(400, 4)).astype(np.float32)
y = (x @ [1.0, -1.0, 0.5, 0.0] + rng.normal(size=400) > 0).astype(int)
gap = {}
for method in ("sigmoid", "isotonic"):
    model = CalibratedClassifierCV(LogisticRegression(), method=method, cv=3, ensemble=False).fit(x, y)
    proto = to_onnx(model, x[:1], options={"zipmap": False})
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    probability = session.run(None, {"X": x})[1][:, 1]
    expected = model.predict_proba(x)[:, 1]
    gap[method] = float(np.abs(probability - expected).max())
    print(f"{method}: largest gap {gap[method]:.2g}, distinct probabilities: "
          f"scikit-learn {len(np.unique(expected.round(6)))}, ONNX {len(np.unique(probability.round(6)))}")
points = model.calibrated_classifiers_[0].calibrators[0].y_thresholds_
off_points = float(np.abs(probability[:, None] - points[None, :]).min(axis=1).max())
print(f"isotonic: farthest that an ONNX probability lies from a point of the curve: {off_points:.2g}")
if not (gap["sigmoid"] < 1e-4 and gap["isotonic"] > 0.01 and off_points < 1e-4):
    sys.exit("CHANGED: converted isotonic calibration no longer jumps between the curve's points.")
print("AS STATED: isotonic calibration in ONNX is a staircase where scikit-learn interpolates.")
PY
