#!/usr/bin/env bash
# Package:      skl2onnx 1.20.0 with scikit-learn 1.9.1, run by onnxruntime 1.32.0
#               (the same with scikit-learn 1.7.2)
# Guess:        LinearDiscriminantAnalysis converts to ONNX with the probabilities
#               of predict_proba to float precision, for two classes as for three.
# What happens: for three classes they agree to 1e-6. For two, the ONNX
#               probability is the logistic function of twice the decision value,
#               so it is much too sure of itself. Labels are right, so a check of
#               labels alone passes.
# Output seen (2026-11-30):
#   three classes: labels differ 0.0, largest probability gap 1.2e-07
#   two classes: labels differ 0.0, largest probability gap 0.15
#   two classes, gap to logistic(2 * decision): 1.2e-07
#   row 0: scikit-learn [0.3605, 0.6395]  ONNX [0.2412, 0.7588]
#   AS STATED: two-class LDA in ONNX returns logistic(2 * decision), not scikit-learn's probability.
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
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

onnxruntime.set_default_logger_severity(4)
rng = np.random.default_rng(0)
x = rng.normal(size=(400, 4)).astype(np.float32)
three = (x @ rng.normal(size=(4, 3)) + rng.normal(size=(400, 3))).argmax(axis=1)
two = (three > 0).astype(int)
gap = {}
for name, y in (("three classes", three), ("two classes", two)):
    model = LinearDiscriminantAnalysis().fit(x, y)
    proto = to_onnx(model, x[:1], options={"zipmap": False})
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    labels, probability = session.run(None, {"X": x})
    gap[name] = float(np.abs(probability - model.predict_proba(x)).max())
    print(f"{name}: labels differ {float((labels != model.predict(x)).mean())}, largest probability gap {gap[name]:.2g}")
decision = model.decision_function(x)
twice = float(np.abs(probability[:, 1] - 1 / (1 + np.exp(-2 * decision))).max())
print(f"two classes, gap to logistic(2 * decision): {twice:.2g}")
print("row 0: scikit-learn", model.predict_proba(x[:1])[0].astype(float).round(4).tolist(), " ONNX", probability[0].astype(float).round(4).tolist())
if not (gap["three classes"] < 1e-4 and gap["two classes"] > 0.1 and twice < 1e-4):
    sys.exit("CHANGED: a converted two-class LinearDiscriminantAnalysis no longer doubles the decision value.")
print("AS STATED: two-class LDA in ONNX returns logistic(2 * decision), not scikit-learn's probability.")
PY
