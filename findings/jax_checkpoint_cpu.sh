#!/usr/bin/env bash
# jax.checkpoint on a CPU: the second computation is paid for, and not a byte is saved.
#
# A chain of six blocks of two convolutions with tanh, each block under jax.checkpoint, differentiated and compiled as jax.jit does it
# by itself. The program has the second computation (twelve convolutions more), but XLA:CPU plans exactly as many temporary bytes as
# without: the barrier that JAX puts before that computation is dropped, and the scheduler runs it where it saves nothing.
#
# Seen with jax and jaxlib 0.10.2 on Python 3.11, output:
#     plain: 35 convolutions
#     jax.checkpoint: 47 convolutions, temporary memory 1.00 of plain
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2
cd "$folder"
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON' | tee told.txt
import jax
import jax.numpy as jnp


def block(x, kernels):
    for kernel in kernels:
        x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jnp.tanh(x)
    return x


def compiled(run):
    def loss(kernels, x):
        for pair in kernels:
            x = run(x, pair)
        return jnp.mean(x**2)

    arguments = jnp.zeros((6, 2, 3, 3, 32, 32)), jnp.zeros((1, 128, 128, 32))
    found = jax.jit(jax.grad(loss)).lower(*arguments).compile()
    return found.as_text().count(" convolution("), found.memory_analysis().temp_size_in_bytes


convolutions, plain = compiled(block)
print(f"plain: {convolutions} convolutions")
convolutions, recomputed = compiled(jax.checkpoint(block))
print(f"jax.checkpoint: {convolutions} convolutions, temporary memory {recomputed / plain:.2f} of plain")
PYTHON
diff told.txt - <<'WANTED'
plain: 35 convolutions
jax.checkpoint: 47 convolutions, temporary memory 1.00 of plain
WANTED
echo "as stated"
