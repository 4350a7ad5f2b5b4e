#!/usr/bin/env bash
# jaxlib 0.10.2 on a CPU: a convolution of up to 16 channels on both sides is not given to the fast library, however large it is.
#
# XLA:CPU hands float32 convolutions [batch, height, width, features] to a library, as "__ynn_fusion" in the compiled program; those with no more
# than 16 input and output channels are taken for too small to be worth it, and keep the general form. Of 8 images of 64 x 64 that form takes more time
# for 16 to 16 channels than the library does for 16 to 17, whose last channel may be zeros; in jax.profiler's trace it has hardly any time of its own, but leaves gaps.
# The results of two neighbouring pixels as channels of one convolution, a kernel of 3 x 4 with a stride of (1, 2), are the same numbers by the library.
#
# Seen with jax and jaxlib 0.10.2, numpy 2.4.6 on Python 3.11, x86-64; which form is taken:
#     16 to 16: general
#     16 to 17: library
#     17 to 16: library
#     two neighbours of 16 to 16: library
#     the same numbers: True
# Fails if that changes. Times, which it prints as well, decide nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$folder"
cat > program.py <<'PYTHON'
import statistics
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

LAYOUT = ("NHWC", "HWIO", "NHWC")
drawn = np.random.default_rng(0)


def numbers(*shape):
    return jnp.asarray(drawn.normal(size=shape), jnp.float32)


def convolve(x, kernel):
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=LAYOUT)


def neighbours(x, kernel):
    first, second = (jnp.pad(kernel, ((0, 0), (n, 1 - n), (0, 0), (0, 0))) for n in (0, 1))
    wide = jnp.concatenate([first, second], -1)
    found = jax.lax.conv_general_dilated(x, wide, (1, 2), ((1, 1), (1, 1)), dimension_numbers=LAYOUT)
    return found.reshape(*x.shape[:3], kernel.shape[-1])


def tell(name, function, *arguments):
    compiled = jax.jit(function).lower(*arguments).compile()
    print(f"{name}: {'library' if '__ynn_fusion' in compiled.as_text() else 'general'}")
    seconds = []
    for _ in range(30):
        started = time.perf_counter()
        compiled(*arguments).block_until_ready()
        seconds.append(time.perf_counter() - started)
    print(f"{name}: {1000 * statistics.median(seconds):.2f} ms", file=sys.stderr)
    return compiled(*arguments)


narrow, wider = numbers(8, 64, 64, 16), numbers(8, 64, 64, 17)
kernel = numbers(3, 3, 16, 16)
plain = tell("16 to 16", convolve, narrow, kernel)
tell("16 to 17", convolve, narrow, numbers(3, 3, 16, 17))
tell("17 to 16", convolve, wider, numbers(3, 3, 17, 16))
paired = tell("two neighbours of 16 to 16", neighbours, narrow, kernel)
print("the same numbers:", bool(jnp.allclose(plain, paired, rtol=1e-4, atol=1e-4)))
PYTHON
export JAX_PLATFORMS=cpu
"$folder/venv/bin/python" program.py | tee told.txt
diff told.txt - <<'WANTED'
16 to 16: general
16 to 17: library
17 to 16: library
two neighbours of 16 to 16: library
the same numbers: True
WANTED
echo "as stated"
