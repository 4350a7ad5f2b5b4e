#!/usr/bin/env bash
# orbax-checkpoint 0.12.8: with active_processes a process still waits for those that are not among them.
#
# MultiprocessingOptions(active_processes={0}, primary_host=0) is for checkpoints "over a subset of processes, rather than all". v1.save
# compares the folders of all processes all the same, by a broadcast from process 0: where process 1 saves nothing, process 0 waits for
# it (here: until it is ended after 20 seconds). v1.load with the same options goes by itself.
#
# Seen with orbax-checkpoint 0.12.8, jax and jaxlib 0.10.2 on Python 3.11, x86-64, CPU, output (124: still waiting):
#     save by process 0 alone: 124
#     load by process 0 alone: 0
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 orbax-checkpoint==0.12.8
cd "$folder"
cat > member.py <<'PYTHON'
import os, sys, time
import jax
import numpy as np
from orbax.checkpoint import v1

number, port, what = int(sys.argv[1]), sys.argv[2], sys.argv[3]
tree = {"a": np.arange(3.0)}
if what == "make":
    v1.save(os.path.abspath("made"), tree)
    sys.exit()
jax.distributed.initialize(f"127.0.0.1:{port}", 2, number)
jax.local_devices()
if number == 1:
    time.sleep(25)  # Has other work, and writes and reads nothing.
else:
    context = v1.Context()
    context.multiprocessing.primary_host, context.multiprocessing.active_processes = 0, {0}
    context.multiprocessing.barrier_sync_key_prefix = "zero"
    with context:
        if what == "save":
            v1.save(os.path.abspath("saved"), tree)
        else:
            assert (v1.load(os.path.abspath("made"))["a"] == tree["a"]).all()
os._exit(0)
PYTHON
export JAX_PLATFORMS=cpu
"$folder/venv/bin/python" member.py 0 0 make 2>/dev/null
try() {
    "$folder/venv/bin/python" member.py 1 "$1" "$2" 2>/dev/null & local other=$!
    local code=0
    timeout 20 "$folder/venv/bin/python" member.py 0 "$1" "$2" 2>/dev/null || code=$?
    { kill -9 $other; wait $other; } 2>/dev/null || true
    echo "$2 by process 0 alone: $code"
}
{ try 9361 save; try 9362 load; } 2>/dev/null | tee told.txt
diff told.txt - <<'WANTED' || exit 1
save by process 0 alone: 124
load by process 0 alone: 0
WANTED
echo "as stated"
