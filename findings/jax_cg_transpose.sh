#!/usr/bin/env bash
# jax.scipy.sparse.linalg.cg cannot be transposed in the rule of a jax.custom_jvp.
#
# The rule of an implicit function solves a linear system for the tangent. Forward mode works; reverse mode ends with "NotImplementedError:
# open an issue at https://github.com/google/jax !!": cg places its start and the right-hand side by one operation, device_put((b, x0)),
# and so JAX takes the start, zeros, for a tangent as well, which custom_linear_solve does not transpose. An explicit x0 does not help.
# Round it there is custom_linear_solve itself, with cg as its solver.
#
# Seen with jax and jaxlib 0.10.2 on Python 3.11, output:
#     forward, cg: works
#     reverse, cg: NotImplementedError
#     forward, cg inside of custom_linear_solve: works
#     reverse, cg inside of custom_linear_solve: works
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

cg = jax.scipy.sparse.linalg.cg


def double(x):
    return 2 * x


def plain(right):
    return cg(double, right)[0]


def inside(right):
    return jax.lax.custom_linear_solve(double, right, lambda product, b: cg(product, b)[0], symmetric=True)


for name, solve in {"cg": plain, "cg inside of custom_linear_solve": inside}.items():

    @jax.custom_jvp
    def half(x):
        return x / 2

    half.defjvp(lambda primals, tangents, solve=solve: (half(*primals), solve(*tangents)))
    ways = {"forward": lambda: jax.jvp(half, (jnp.ones(2),), (jnp.ones(2),))}
    ways["reverse"] = lambda: jax.vjp(half, jnp.ones(2))[1](jnp.ones(2))
    for mode, way in ways.items():
        try:
            way()
            print(f"{mode}, {name}: works")
        except Exception as error:
            print(f"{mode}, {name}: {type(error).__name__}")
PYTHON
diff told.txt - <<'WANTED'
forward, cg: works
reverse, cg: NotImplementedError
forward, cg inside of custom_linear_solve: works
reverse, cg inside of custom_linear_solve: works
WANTED
echo "as stated"
