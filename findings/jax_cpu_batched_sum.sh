#!/usr/bin/env bash
# jaxlib 0.10.2 on a CPU: a batch of weighted sums of one array comes out wrong, in silence.
#
# sum_n F[n, h, w, c] * k[t, n, c] over n, written as a product and a sum, for every t of a batch (jax.vmap over k alone, F shared),
# under jax.jit: every t gets the result of the first. Without jit, as an einsum, with F batched as well, or with fewer
# numbers, it is right. The fused sum comes from the library of kernels that XLA:CPU hands it to: without that
# (xla_cpu_experimental_ynn_fusion_type for products and convolutions alone) it is right too.
#
# Seen with jax and jaxlib 0.10.2, numpy 2.4.6 on Python 3.11, x86-64 with AVX-512, output:
#     jit: row 0 right, row 1 wrong, row 1 is row 0: True
#     without jit: row 0 right, row 1 right
#     jit, sums not handed over: row 0 right, row 1 right
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$folder"
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON' | tee told.txt
import jax
import jax.numpy as jnp
import numpy as np

draw = np.random.default_rng(0)
features = draw.normal(size=(20, 16, 16, 128)).astype(np.float32)
weights = draw.normal(size=(2, 20, 128)).astype(np.float32)
expected = np.einsum("nhwc,tnc->thwc", features.astype(np.float64), weights)
batch = jax.vmap(lambda f, k: jnp.sum(f * k[:, None, None, :], axis=0), (None, 0))


def told(found):
    errors = [np.abs(np.asarray(row) - wanted).max() for row, wanted in zip(found, expected, strict=True)]
    return ", ".join(f"row {i} {'right' if error < 1e-3 else 'wrong'}" for i, error in enumerate(errors))


found = np.asarray(jax.jit(batch)(features, weights))
print(f"jit: {told(found)}, row 1 is row 0: {np.abs(found[1] - found[0]).max() < 1e-3}")
print(f"without jit: {told(batch(features, weights))}")
kinds = "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_INDIVIDUAL_CONVOLUTION"
apart = jax.jit(batch, compiler_options={"xla_cpu_experimental_ynn_fusion_type": kinds})
print(f"jit, sums not handed over: {told(apart(features, weights))}")
PYTHON
diff told.txt - <<'WANTED'
jit: row 0 right, row 1 wrong, row 1 is row 0: True
without jit: row 0 right, row 1 right
jit, sums not handed over: row 0 right, row 1 right
WANTED
echo "as stated"
