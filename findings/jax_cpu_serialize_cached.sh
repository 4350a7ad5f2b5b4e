#!/usr/bin/env bash
# jaxlib 0.10.2 on a CPU: a program that came out of JAX's persistent compilation cache is serialised without its functions.
#
# jax.experimental.serialize_executable writes what jit(f).lower(x).compile() gave, and reads it again. For a program that was
# just compiled, that runs. For one that compile() found in the cache (jax_compilation_cache_dir), which itself runs, writing
# and reading succeed too, and the program that was read ends in an error when it is called: a function of it is not found.
# So whether a serialised program is whole depends on what another process has compiled before.
#
# Seen with jax and jaxlib 0.10.2, numpy 2.4.6 on Python 3.11, x86-64, output:
#     compiled: runs, read again: runs
#     from the cache: runs, read again: NOT_FOUND
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$folder"
cat > program.py <<'PYTHON'
import sys

import jax
import jax.numpy as jnp
from jax.experimental import serialize_executable

jax.config.update("jax_compilation_cache_dir", "cache")
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
x = jnp.ones(7)
compiled = jax.jit(lambda x: jnp.sin(x) ** 2 + jnp.cos(x).sum() + x).lower(x).compile()
first = "runs" if abs(float(compiled(x)[0]) - 5.490189) < 1e-4 else "wrong"
payload, takes, gives = serialize_executable.serialize(compiled)
again = serialize_executable.deserialize_and_load(payload, takes, gives)
try:
    second = "runs" if abs(float(again(x)[0]) - 5.490189) < 1e-4 else "wrong"
except jax.errors.JaxRuntimeError as error:
    second = str(error).partition(":")[0]
print(f"{sys.argv[1]}: {first}, read again: {second}")
PYTHON
export JAX_PLATFORMS=cpu
"$folder/venv/bin/python" program.py "compiled" | tee told.txt
"$folder/venv/bin/python" program.py "from the cache" | tee -a told.txt
diff told.txt - <<'WANTED'
compiled: runs, read again: runs
from the cache: runs, read again: NOT_FOUND
WANTED
echo "as stated"
