# %% [markdown]
# # Differentiating through an inversion
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gprior-jax/gprior_jax/blob/main/notebooks/09_differentiate_through_an_inversion.ipynb)
#
# What an inversion finds depends on what was measured, on the operator, and on the objective. Here that dependence is
# differentiated: by the implicit function theorem, at the minimum, without keeping anything of the search.
#
# The next cell installs the package where it is missing.

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
# `STEPS` in the environment makes everything shorter, for a quick look.

# %%
import os
from functools import partial

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import gprior_jax as gp
from gprior_jax import differentiable
from gprior_jax.compiling import jit
from gprior_jax.images import arrays
from gprior_jax.operators import Blur, broadcast, gaussian_kernel

STEPS = int(os.environ.get("STEPS", 200))  # fewer for a quick look
prior = gp.load("builtin:portraits")

# %% [markdown]
# ## A blurred portrait
#
# A portrait that the prior draws, blurred with a width of 1.5 pixels, and a little noise. It is found again in W.


# %%
def blur(sigma):
    """A blur of some width, pixels; its kernel is an array, so that it can be differentiated."""
    return Blur(gaussian_kernel(sigma, 9))


portrait = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), 1))[0]
measured = blur(1.5)(portrait) + 0.02 * jax.random.normal(jax.random.key(2), portrait.shape)
recipe = gp.recipes.latent("w", num_steps=STEPS)
result = gp.invert(prior, measured[None], recipe, key=jax.random.key(0), operator=broadcast(blur(1.5), 1))
plt.figure(figsize=(7, 3))
plt.imshow(arrays.grid(arrays.to_uint8(np.stack([portrait, measured, result.images[0]])), columns=3))
plt.axis("off")
plt.title("portrait; blurred; found")

# %% [markdown]
# ## How the answer moves with the width
#
# `attached` is what was found, as a function of what it was found for. Forward mode is the cheaper one for a single
# number: one linear system, solved by conjugate gradients with products of the Gauss-Newton curvature.

# %%
inversion = differentiable.inversion(prior, recipe)
found = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), result.variables)


@partial(jit, use="once")  # compiled for few calls: in a small part of the time
def moved(inversion, found, measured, sigma):
    """The image, and its derivative in the width of the blur."""

    def image(sigma):
        return differentiable.attached(inversion, found, measured, blur(sigma)).image

    return jax.jvp(image, (sigma,), (1.0,))


image, change = moved(inversion, found, measured, 1.5)
plt.figure(figsize=(3, 3))
plt.imshow(change.mean(-1), cmap="RdBu", vmin=-abs(change).max(), vmax=abs(change).max())
plt.axis("off")
plt.title("change a pixel of width")

# %% [markdown]
# ## Which measured pixels count
#
# The length of each column of the Jacobian of the found image in the measurement, by random vectors.


# %%
@partial(jit, use="once")
def look(inversion, found, measured, key):
    """The map ``[R, R]``."""
    return differentiable.sensitivity(inversion, found, measured, blur(1.5), key=key, probes=4)


plt.figure(figsize=(3.6, 3))
plt.imshow(look(inversion, found, measured, jax.random.key(3)))
plt.axis("off")
plt.colorbar()

# %% [markdown]
# ## The width, from the photograph
#
# Begin with a wrong width; the variables follow every step of it.


# %%
def by_logarithm(parameters):
    """A width above 0, whatever the parameter."""
    return blur(jnp.exp(parameters[0]))


fitted = differentiable.fit_operator(
    inversion,
    measured[None],
    jax.tree.map(lambda leaf: leaf[None], found),
    by_logarithm,
    jnp.log(jnp.full(1, 0.8)),
    rounds=min(8, STEPS),
)
plt.plot(np.exp(fitted.path[:, 0]), marker="o")
plt.axhline(1.5, color="gray")
plt.xlabel("round")
plt.ylabel("width, pixels")
