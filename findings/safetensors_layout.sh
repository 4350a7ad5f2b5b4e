#!/usr/bin/env bash
# safetensors 0.8.0: numpy arrays that are not C-contiguous are saved in the order in which they lie in memory, without a word.
#
# A transposed array, or one in Fortran's order, comes back with its shape and with its numbers in other places. safetensors 0.7.0 saved
# them as they read. JAX's arrays are saved as they read by both (safetensors.flax copies them first).
#
# Seen on Python 3.11 with numpy 2.4.6, output:
#     0.7.0 [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
#     0.8.0 [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
cd "$folder"
for version in 0.7.0 0.8.0; do
    "$folder/venv/bin/pip" install --quiet "safetensors==$version" numpy==2.4.6
    "$folder/venv/bin/python" - <<'PYTHON' >> told.txt
from importlib.metadata import version

import numpy as np
from safetensors.numpy import load, save

matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
print(version("safetensors"), load(save({"transposed": matrix.T}))["transposed"].tolist())
PYTHON
done
diff told.txt - <<'WANTED'
0.7.0 [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
0.8.0 [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
WANTED
echo "as stated"
