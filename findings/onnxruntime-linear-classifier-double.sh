#!/usr/bin/env bash
# Package:      onnxruntime 1.32.0 (ai.onnx.ml LinearClassifier), onnx 1.23.2
# Guess:        the operator's specification lists double as an input type, so a
#               double input is scored in double precision and only the scores,
#               which the specification makes float, are rounded.
# What happens: the features are rounded to float before the products are summed.
#               Two rows that differ by 1 at 1e8 become the same row and get the
#               same label; the ONNX reference evaluator tells them apart.
#               The same graph written with MatMul, Add and ArgMax does as well.
# Output seen (2026-11-30):
#   input dtype: float64
#   reference evaluator labels: [0, 1]
#   onnxruntime labels:         [2, 2]  scores: [[0.0, 0.0, 0.25], [0.0, 0.0, 0.25]]
#   AS STATED: LinearClassifier accepts double features and scores them as float.
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

classifier = helper.make_node(
    "LinearClassifier",
    ["x"],
    ["label", "scores"],
    domain="ai.onnx.ml",
    coefficients=[1.0, -1.0, -1.0, 1.0, 0.0, 0.0],
    intercepts=[0.0, 0.0, 0.25],
    classlabels_ints=[0, 1, 2],
    post_transform="NONE",
    multi_class=0,
)
graph = helper.make_graph(
    [classifier],
    "head",
    [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [None, 2])],
    [
        helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 3]),
    ],
)
opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
x = np.array([[100000001.0, 100000000.0], [100000000.0, 100000001.0]])
print("input dtype:", x.dtype)
expected, _ = ReferenceEvaluator(model).run(None, {"x": x})
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
label, scores = session.run(None, {"x": x})
print("reference evaluator labels:", np.asarray(expected).tolist())
print("onnxruntime labels:        ", label.tolist(), " scores:", scores.tolist())
if label.tolist() != [2, 2] or np.asarray(expected).tolist() != [0, 1]:
    sys.exit("CHANGED: LinearClassifier in onnxruntime no longer rounds double features to float first.")
print("AS STATED: LinearClassifier accepts double features and scores them as float.")
PY
