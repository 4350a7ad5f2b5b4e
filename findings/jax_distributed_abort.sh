#!/usr/bin/env bash
# jax 0.10.2: jax.distributed ends processes by abort(), which no program can catch.
#
# 1. Of two processes that share nothing but jax.distributed.initialize, one is killed: the other, which needs nothing of it, is
#    aborted with a stack trace; at once where process 0 was killed, after heartbeat_timeout_seconds (100 unless given) otherwise.
#    That all shut down is documented; that it is no exception, after which work could be saved, is not.
# 2. Nobody else comes: "if the initialization takes more than the timeout specified, the initialization will error", says
#    the documentation of initialize. It is an abort, too, no exception.
# 3. With jax.distributed.shutdown() once JAX has started (it waits for all to come so far), the rest goes its own way:
#    devices, compilation and process_index() are there as before, and a process outlives the other.
#
# Seen with jax and jaxlib 0.10.2 on Python 3.11, x86-64, CPU, output (134 is SIGABRT, 137 SIGKILL):
#     killed 1: process 0 ended with 134, process 1 with 137
#     killed 0: process 0 ended with 137, process 1 with 134
#     nobody else came: ended with 134
#     parted, killed 0: process 0 ended with 137, process 1 with 0
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2
cd "$folder"
cat > member.py <<'PYTHON'
import os, sys, time
import jax

number, port, parts = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "parted"
try:
    jax.distributed.initialize(
        f"127.0.0.1:{port}", 2, number, initialization_timeout=10, heartbeat_timeout_seconds=10
    )
except Exception:
    sys.exit(3)
jax.local_devices()
if parts:
    jax.distributed.shutdown()
open(f"ready.{port}.{number}", "w").close()
for _ in range(60):
    jax.numpy.ones(4).block_until_ready()
    time.sleep(0.5)
assert jax.process_index() == number
os._exit(0)
PYTHON
export JAX_PLATFORMS=cpu
start() { "$folder/venv/bin/python" member.py "$1" "$2" "$3" 2>/dev/null & }
kill_one() { # which, port, parted or not
    start 0 "$2" "$3"; local first=$!
    start 1 "$2" "$3"; local second=$!
    until [[ -e ready.$2.0 && -e ready.$2.1 ]]; do sleep 0.2; done
    kill -9 "$([[ $1 == 0 ]] && echo $first || echo $second)"
    local one=0 two=0
    wait $first || one=$?
    wait $second || two=$?
    echo "process 0 ended with $one, process 1 with $two"
}
{
    echo "killed 1: $(kill_one 1 9351 together 2>/dev/null)"
    echo "killed 0: $(kill_one 0 9352 together 2>/dev/null)"
    start 0 9353 together; code=0; wait $! 2>/dev/null || code=$?; echo "nobody else came: ended with $code"
    echo "parted, killed 0: $(kill_one 0 9354 parted 2>/dev/null)"
} 2>/dev/null | tee told.txt
diff told.txt - <<'WANTED' || exit 1
killed 1: process 0 ended with 134, process 1 with 137
killed 0: process 0 ended with 137, process 1 with 134
nobody else came: ended with 134
parted, killed 0: process 0 ended with 137, process 1 with 0
WANTED
echo "as stated"
