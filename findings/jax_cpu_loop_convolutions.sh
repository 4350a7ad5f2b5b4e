#!/usr/bin/env bash
# jaxlib 0.10.2 on a CPU: gradients of convolutions are brought into the layout of the fast ones in the entry of a program alone.
#
# XLA:CPU has fast convolutions for images [batch, height, width, features] and kernels [height, width, in, out]. What JAX
# derives from such a convolution is not laid out so: the gradient by the kernel has images in the place of features, that by the images
# kernels whose features are swapped. Where a program has them at its entry they are transposed and are fast; inside of a loop (or a branch) they stay as
# they are and take the general form: a training step of a small GAN, whose two passes through the discriminator were made one loop,
# took three times as long. Convolutions with strides and dilations that say the same in the fast layout are fast in loops too.
#
# Seen with jax and jaxlib 0.10.2, numpy 2.4.6 on Python 3.11, x86-64; dimension labels in the compiled program:
#     forward: entry b01f_01io->b01f, loop b01f_01io->b01f
#     gradient by the kernel: entry b01f_01io->b01f, loop f01b_i01o->01bf
#     gradient by the images: entry b01f_01io->b01f, loop b01f_01oi->b01f
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

pictures, kernel = jnp.ones((2, 8, 32, 32, 16)), jnp.ones((3, 3, 16, 16))


def convolve(x, kernel):
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


CASES = {
    "forward": lambda x, y: convolve(x, y[0, :3, :3, None] * kernel),
    "gradient by the kernel": lambda x, y: jax.linear_transpose(lambda k: convolve(x, k), kernel)(y)[0],
    "gradient by the images": lambda x, y: jax.linear_transpose(lambda x: convolve(x, kernel), x)(y)[0],
}


def looped(function):
    def run(xs, ys):
        start = jax.tree.map(jnp.zeros_like, jax.eval_shape(function, xs[0], ys[0]))
        return jax.lax.scan(lambda total, row: (total + function(*row), None), start, (xs, ys))[0]

    return run


def labels(function, *arguments):
    text = jax.jit(function).lower(*arguments).compile().as_text()
    return " ".join(re.findall(r"dim_labels=([^\s,]+)", text))


for name, function in CASES.items():
    entry, loop = labels(function, pictures[0], pictures[1]), labels(looped(function), pictures, pictures)
    print(f"{name}: entry {entry}, loop {loop}")
PYTHON
export JAX_PLATFORMS=cpu
"$folder/venv/bin/python" program.py | tee told.txt
diff told.txt - <<'WANTED'
forward: entry b01f_01io->b01f, loop b01f_01io->b01f
gradient by the kernel: entry b01f_01io->b01f, loop f01b_i01o->01bf
gradient by the images: entry b01f_01io->b01f, loop b01f_01oi->b01f
WANTED
echo "as stated"
