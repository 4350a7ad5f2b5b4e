# %% [markdown]
# # Restoration
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gprior-jax/gprior_jax/blob/main/notebooks/02_restoration.ipynb)
#
# A photograph that is holed, small, gray or noisy is an image seen through a *forward operator*. Restoring it is
# inversion through that operator: find codes whose image, gone through the same operator, looks like what was observed.
# One solver does all of it; only the operator changes.
#
# About two minutes on two CPU cores. The next cell installs the package where it is missing.

# %%
import importlib.util
import subprocess
import sys
from importlib import metadata

if importlib.util.find_spec("gprior_jax") is None:
    installed = {distribution.name: distribution.version for distribution in metadata.distributions()}
    plugins = {"jax-cuda13-plugin": "[cuda13]", "jax-cuda12-plugin": "[cuda12]", "libtpu": "[tpu]"}
    wanted = ["jax" + next((extra for plugin, extra in plugins.items() if plugin in installed), "")]
    wanted += [f"numpy=={installed['numpy']}"] if "numpy" in installed else []
    wanted += ["gprior-jax[cli,convert,edit,plot,zoo] @ git+https://github.com/gprior-jax/gprior_jax"]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *wanted], check=True)

# %% [markdown]
# `STEPS` in the environment sets the steps of every task, for a quick look; without it each takes its own.

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import gprior_jax as gp
from gprior_jax.images import arrays

STEPS = int(os.environ.get("STEPS", 0)) or None


def show(images, columns, title=""):
    """Draw images [N, H, W, C] in [-1, 1] as a sheet."""
    sheet = arrays.grid(arrays.to_uint8(np.asarray(images)), columns, pad=2)
    width = min(10, 1.5 * columns)
    plt.figure(figsize=(width, 0.3 + width * sheet.shape[0] / sheet.shape[1]))
    plt.imshow(sheet)
    plt.title(title)
    plt.axis("off")
    plt.show()


# %% [markdown]
# Three pictures that we hold intact, so that results can be compared: a photograph of an astronaut, which is hard for
# this small prior, and two portraits that an earlier checkpoint of its training drew, which are easy.

# %%
prior, key = gp.load("builtin"), jax.random.key(0)
data = gp.zoo.bundled_folder("builtin").parent
names = ("photographs/astronaut.jpg", "portraits/portrait_1.png", "portraits/portrait_3.png")
truth = np.stack([gp.load_image(data / name, prior) for name in names])


def psnr(images):
    """Decibels against the truth, one number an image."""
    return np.round(np.asarray(arrays.psnr_of(np.square(images - truth).mean((1, 2, 3)))), 1)


def strips(observed, *results):
    """For each picture in a row of its own: what was observed, results, truth."""
    observed = jax.vmap(lambda image: arrays.resize(image, truth.shape[1:3], "nearest"))(jnp.asarray(observed))
    return np.stack([observed, *results, truth], axis=1).reshape(-1, *truth.shape[1:])


show(truth, 8)

# %% [markdown]
# ## Missing pixels
#
# A mask is 1 where a pixel is known. Here a box in the middle is not: eyes and nose have to come from the prior, and
# nothing says what they were. So ask for several answers: `samples=4` gives four, their mean, and where they disagree.
# Known pixels stay exactly as they are.

# %%
size = prior.resolution
known = gp.operators.box_mask(size, 3 * size // 8)
recipe = gp.recipes.restoration("inpaint", prior, num_steps=STEPS)
filled = gp.tasks.inpaint(prior, truth, known, key=key, recipe=recipe, samples=4)
print(f"first answer {psnr(filled.images)} dB, mean of four {psnr(filled.mean)} dB")
show(
    strips(truth * known, *np.swapaxes(filled.samples, 0, 1), filled.mean), 7, "holed; four answers; their mean; truth"
)

# %% [markdown]
# Where the map is bright the answers differ: there the prior has made them up. The mean has a higher PSNR than any one
# answer and is softer than all of them, which is why PSNR alone does not say which looks right.

# %%
figure, axes = plt.subplots(1, len(truth), figsize=(9, 3))
for axis, std in zip(axes, filled.std, strict=True):
    picture = axis.imshow(std, cmap="magma", vmin=0, vmax=float(filled.std.max()))
    axis.axis("off")
figure.colorbar(picture, ax=axes, label="standard deviation")
plt.show()

# %% [markdown]
# ## Small pictures
#
# Reduced by four, a sixteenth of the pixels is left. The result reduces to the input again: `consistency` is the PSNR
# between the two, and says nothing about whether the added detail is right. Compare with bicubic enlargement in the second
# column: the portraits gain by much. The astronaut becomes sharp and somebody else, for which PSNR prefers the blur.

# %%
small = jax.vmap(gp.operators.Downsample(4, "bicubic"))(truth)
recipe = gp.recipes.restoration("upscale", prior, num_steps=STEPS)
large = gp.tasks.upscale(prior, small, key=key, recipe=recipe)
bicubic = jax.vmap(lambda image: arrays.resize(image, truth.shape[1:3], "bicubic"))(small)
print(f"bicubic {psnr(bicubic)} dB, prior {psnr(large.images)} dB, consistency {np.round(large.consistency)} dB")
show(strips(small, bicubic, large.images), 4, "small; bicubic; enlarged; truth")

# %% [markdown]
# ## Gray pictures
#
# The luma of every pixel is kept to a grey level, colours are the prior's. They are plausible, not known: the third
# picture may have a blue ground here, as many portraits of the training data have, and is then further from the truth
# than gray was.

# %%
gray = jax.vmap(gp.operators.Luma())(truth)
recipe = gp.recipes.restoration("colorize", prior, num_steps=STEPS)
coloured = gp.tasks.colorize(prior, gray, key=key, recipe=recipe)
print(f"gray {psnr(gray)} dB, coloured {psnr(coloured.images)} dB")
show(strips(gray, coloured.images), 3, "gray; coloured; truth")

# %% [markdown]
# ## Noise
#
# What the prior cannot draw is left out, and noise is such. The pixel term stops where the difference is as large as
# the noise; without `sigma` the noise is estimated from each picture. With too many steps and no such floor the noise
# is copied in the end.

# %%
noise = gp.operators.GaussianNoise(25.0)
noisy = jax.vmap(noise)(jax.random.split(key, len(truth)), jnp.asarray(truth))
estimate = [float(arrays.noise_level(image)) for image in noisy]
print("estimated sigma:", np.round(estimate, 1))
recipe = gp.recipes.restoration("denoise", prior, num_steps=STEPS, floor=(25.0 / arrays.GREY_LEVEL) ** 2)
clean = gp.tasks.denoise(prior, noisy, sigma=25.0, key=key, recipe=recipe)
print(f"noisy {psnr(noisy)} dB, denoised {psnr(clean.images)} dB")
show(strips(noisy, clean.images), 3, "noisy; denoised; truth")

# %% [markdown]
# ## An operator of your own
#
# Any pytree that is called with an image `[H, W, C]` will do. This one is an old print: gray, half the size, faded, and
# with a scratch. `gp.tasks.restore` inverts through it. Leaves of the operator have a leading axis of images:
# `broadcast` makes one.

# %%
half = size // 2
scratch = gp.operators.Mask(gp.operators.box_mask(half, (0, 4 * half // 9, half, half // 8)))
old = gp.operators.compose(gp.operators.Luma(), gp.operators.Downsample(2, "area"), scratch)
operator = gp.operators.broadcast(old, len(truth))
observed = jax.vmap(old)(truth)
recipe = gp.recipes.restoration("upscale", prior, num_steps=STEPS)
restored = gp.tasks.restore(prior, observed, operator, recipe, key=key, samples=2)
print(f"restored {psnr(restored.images)} dB, seen through the operator {np.round(restored.consistency)} dB")
show(strips(observed, restored.images), 3, "an old print; restored; truth")

# %% [markdown]
# ## When it goes wrong
#
# * *A warning that masks look inverted.* 1 is known here, 0 missing; `1 - known` turns a mask round.
# * *The hole is filled with mush.* Take an earlier layer (`layer=4` of `gp.recipes.restoration`), and fewer steps: a hole is
#   filled best before the rest is copied.
# * *A cat becomes a face.* The result is plausible to this prior, not a fact. A prior explains what it was trained on.
# * *The real blur is another one.* An operator that is wrong shows as ringing and as low consistency.
#
# From the command line: `gprior inpaint holed/ --mask masks/ --out filled`, and `upscale`, `colorize`, `denoise`, `deblur`.
# More in [restoration](https://github.com/gprior-jax/gprior_jax/blob/main/docs/restoration.md).
