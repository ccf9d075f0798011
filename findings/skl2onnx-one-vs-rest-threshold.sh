#!/usr/bin/env bash
# Package:      skl2onnx 1.20.0 with scikit-learn 1.9.1, run by onnxruntime 1.32.0
#               (the same with scikit-learn 1.7.2)
# Guess:        OneVsRestClassifier(LinearSVC()) on two classes, converted to ONNX,
#               gives the labels that scikit-learn gives.
# What happens: the margin is read as a probability: class 1 is chosen where the
#               margin is above 0.5 rather than above 0, and the score columns are
#               1 - margin and margin. Every row with a margin between 0 and 0.5
#               changes its label. No warning. A bare LinearSVC converts rightly.
# Output seen (2026-11-30):
#   LinearSVC alone, labels that differ: 0.0
#   OneVsRest(LinearSVC), labels that differ: 0.1925
#   labels follow margin > 0.5: True
#   first margins: [0.2787, -0.2334, 0.0716]  score columns: [[0.7213, 0.2787], [1.2334, -0.2334], [0.9284, 0.0716]]
#   AS STATED: the converted model splits margins at 0.5, so many labels differ from scikit-learn's.
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
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

onnxruntime.set_default_logger_severity(4)
rng = np.random.default_rng(0)
x = rng.normal(size=(400, 4)).astype(np.float32)
y = (x @ [1.0, -1.0, 0.5, 0.0] + rng.normal(size=400) > 0).astype(int)


def onnx_outputs(model):
    proto = to_onnx(model, x[:1], options={"zipmap": False} if hasattr(model, "estimators_") else None)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"X": x})


plain = LinearSVC().fit(x, y)
wrapped = OneVsRestClassifier(LinearSVC()).fit(x, y)
plain_labels = onnx_outputs(plain)[0]
labels, scores = onnx_outputs(wrapped)
margin = wrapped.decision_function(x)
clear = np.abs(margin - 0.5) > 1e-5
differ = float((labels != wrapped.predict(x)).mean())
print("LinearSVC alone, labels that differ:", float((plain_labels != plain.predict(x)).mean()))
print("OneVsRest(LinearSVC), labels that differ:", differ)
print("labels follow margin > 0.5:", bool(((labels == 1) == (margin > 0.5))[clear].all()))
print("first margins:", margin[:3].round(4).tolist(), " score columns:", scores[:3].astype(float).round(4).tolist())
as_stated = differ > 0.05 and ((labels == 1) == (margin > 0.5))[clear].all() and (plain_labels == plain.predict(x)).all()
if not as_stated:
    sys.exit("CHANGED: a converted two-class OneVsRestClassifier of margins no longer splits at 0.5.")
print("AS STATED: the converted model splits margins at 0.5, so many labels differ from scikit-learn's.")
PY
