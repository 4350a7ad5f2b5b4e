#!/usr/bin/env bash
# jaxlib 0.10.2 on a CPU with several devices: a program that is told to keep to one thread still divides its loops.
#
# Where every core of a CPU is a device (jax_num_cpu_devices), each runs its own program, and the compiler option
# xla_cpu_multi_thread_eigen=False keeps convolutions and matrix products of a program to its own thread. Loops are not meant
# by it: a pass divides them among the threads of the client, of which there is one for every device, although all
# of these are at work themselves. Halves of arrays then go from the caches of one core to another's; a training step whose products
# are short took a tenth longer for it. No option of its own says no; leaving the pass out by name does.
#
# Seen with jax and jaxlib 0.10.2, numpy 2.4.6 on Python 3.11, x86-64, two cores, four devices; a loop over 1024 x 1024 numbers:
#     as it is: divided
#     one thread asked for: divided
#     without cpu-parallel-task-assigner: whole
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$folder"
cat > program.py <<'PYTHON'
import re

import jax
import jax.numpy as jnp

jax.config.update("jax_num_cpu_devices", 4)
x = jnp.ones((1024, 1024))
CASES = {
    "as it is": None,
    "one thread asked for": {"xla_cpu_multi_thread_eigen": False},
    "without cpu-parallel-task-assigner": {"xla_disable_hlo_passes": "cpu-parallel-task-assigner"},
}
for name, options in CASES.items():
    text = jax.jit(lambda x: jnp.sin(x) * 2, compiler_options=options).lower(x).compile().as_text()
    parts = [int(n) for n in re.findall(r'outer_dimension_partitions":\["(\d+)"', text)]
    print(f"{name}: {'divided' if parts else 'whole'}")
PYTHON
export JAX_PLATFORMS=cpu
"$folder/venv/bin/python" program.py | tee told.txt
diff told.txt - <<'WANTED'
as it is: divided
one thread asked for: divided
without cpu-parallel-task-assigner: whole
WANTED
echo "as stated"
