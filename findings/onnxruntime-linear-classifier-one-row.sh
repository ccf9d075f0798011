#!/usr/bin/env bash
# Package:      onnxruntime 1.32.0 (ai.onnx.ml LinearClassifier), onnx 1.23.2
# Guess:        a two-class head stored as one row of weights (the second class's)
#               with post_transform SOFTMAX gives probabilities, as the same head
#               stored as two opposite rows does.
# What happens: with one row the transform is left out, and the two columns are
#               1 - score and score, untransformed: values below 0 and above 1.
#               With two rows, and in the ONNX reference evaluator with one row,
#               they are the softmax of (-score, score). Labels agree throughout.
# Output seen (2026-11-30):
#   one row,  onnxruntime: [[-0.25, 1.25], [1.75, -0.75], [0.75, 0.25]] [7, 5, 7]
#   two rows, onnxruntime: [[0.0759, 0.9241], [0.8176, 0.1824], [0.3775, 0.6225]] [7, 5, 7]
#   one row,  reference:   [[0.0759, 0.9241], [0.8176, 0.1824], [0.3775, 0.6225]]
#   AS STATED: with one row of weights, SOFTMAX is not applied and the columns are 1 - score and score.
# Exit status: 0 and a sentence when it is as stated, 1 and a sentence when not.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    'numpy==2.4.6' \
    'onnx==1.23.2' \
    'onnxruntime==1.32.0'
cd "$work"

venv/bin/python - <<'PY'
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator


def head(coefficients, intercepts):
    node = helper.make_node(
        "LinearClassifier",
        ["x"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        coefficients=coefficients,
        intercepts=intercepts,
        classlabels_ints=[5, 7],
        post_transform="SOFTMAX",
        multi_class=0,
    )
    graph = helper.make_graph(
        [node],
        "head",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 2]),
        ],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


x = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], dtype=np.float32)
one, two = head([1.0, -1.0], [0.25]), head([-1.0, 1.0, 1.0, -1.0], [-0.25, 0.25])


def run(model):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})


one_label, one_scores = run(one)
two_label, two_scores = run(two)
_, reference = ReferenceEvaluator(one).run(None, {"x": x})
print("one row,  onnxruntime:", one_scores.astype(float).round(4).tolist(), one_label.tolist())
print("two rows, onnxruntime:", two_scores.astype(float).round(4).tolist(), two_label.tolist())
print("one row,  reference:  ", np.asarray(reference, float).round(4).tolist())
margin = x @ np.array([1.0, -1.0], dtype=np.float32) + 0.25
raw = np.stack([1 - margin, margin], axis=1)
as_stated = (
    np.allclose(one_scores, raw, atol=1e-6)
    and np.allclose(two_scores, reference, atol=1e-6)
    and one_label.tolist() == two_label.tolist()
)
if not as_stated:
    sys.exit("CHANGED: a one-row LinearClassifier with SOFTMAX no longer returns 1 - score and score.")
print("AS STATED: with one row of weights, SOFTMAX is not applied and the columns are 1 - score and score.")
PY
