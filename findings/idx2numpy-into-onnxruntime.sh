#!/usr/bin/env bash
# Package:      onnxruntime 1.32.0 given arrays from idx2numpy 1.2.3 (numpy 2.4.6, onnx 1.23.2)
# Guess:        an array with big-endian elements, which is what an IDX reader
#               hands out, is converted by onnxruntime or refused.
# What happens: onnxruntime looks at the kind and width of the elements but not at
#               their byte order and computes on the swapped bytes. The model runs
#               and gives meaningless numbers. int64 labels suffer the same, and a
#               big-endian .npy file read by np.load leads to the same place.
# Output seen (2026-11-30):
#   IDX reader gives dtype >f4 and the right values: True
#   float32, native: x + x = [2.0, 4.0, 6.0]  right: True
#   float32 as read from IDX: x + x = [9.201205976449614e-41, 1.793662034335766e-43, 4.609711428242918e-41]  right: False
#   int64, big-endian: x + x = [0, 144115188075855872, 288230376151711744]  right: False
#   AS STATED: onnxruntime takes big-endian arrays for little-endian ones and says nothing.
# Exit status: 0 and a sentence when it is as stated, 1 and a sentence when not.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    'numpy==2.4.6' \
    'idx2numpy==1.2.3' \
    'onnx==1.23.2' \
    'onnxruntime==1.32.0'
cd "$work"

venv/bin/python - <<'PY'
import sys

import idx2numpy
import numpy as np
import onnxruntime
from onnx import TensorProto, helper

features = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=np.float32)
with open("features.idx", "wb") as file:
    idx2numpy.convert_to_file(file, features)
read = idx2numpy.convert_from_file("features.idx")
print("IDX reader gives dtype", read.dtype, "and the right values:", np.array_equal(read, features))


def session(kind):
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "double",
        [helper.make_tensor_value_info("x", kind, None)],
        [helper.make_tensor_value_info("y", kind, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


outcomes = []
labels = np.array([0, 1, 2])
for name, kind, given in (
    ("float32, native", TensorProto.FLOAT, features),
    ("float32 as read from IDX", TensorProto.FLOAT, read),
    ("int64, big-endian", TensorProto.INT64, labels.astype(">i8")),
):
    try:
        result = session(kind).run(None, {"x": given})[0]
        right = bool(np.array_equal(result, given + given))
        print(f"{name}: x + x = {result.ravel()[:3].tolist()}  right: {right}")
    except Exception as error:
        right = type(error).__name__
        print(f"{name}: {right}")
    outcomes.append(right)
if outcomes != [True, False, False]:
    sys.exit("CHANGED: onnxruntime no longer computes silently on big-endian arrays.")
print("AS STATED: onnxruntime takes big-endian arrays for little-endian ones and says nothing.")
PY
