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
# `STEPS` in the environment makes searches shorter, for a quick look.

# %%
import os
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import gprior_jax as gp
from gprior_jax import differentiable
from gprior_jax.compiling import jit
from gprior_jax.images import arrays, listing
from gprior_jax.operators import Blur, Mask, box_mask, broadcast, gaussian_kernel

STEPS = int(os.environ.get("STEPS", 200))


def show(images, title):
    """Draw images [H, W, C] in [-1, 1] side by side."""
    plt.figure(figsize=(2.4 * len(images), 2.8))
    plt.imshow(arrays.grid(arrays.to_uint8(np.stack(images)), columns=len(images), pad=1))
    plt.title(title)
    plt.axis("off")
    plt.show()


# %% [markdown]
# ## A prior that is smooth and small
#
# Any prior will do. This one is the painter of [notebook 07](07_bring_your_own_generator.ipynb), which has no kinks, so
# that derivatives can be held against differences; and it compiles in seconds where a network takes minutes on a CPU.
# A code moves and colours strokes. Their size it does not change: that is what this prior knows of sharp pictures.


# %%
class Strokes(nn.Module):
    """A code to an image that is painted with soft strokes of one size."""

    side: int = 7
    size: int = 32
    layer_names = ("strokes", "image")

    @property
    def z_dim(self):
        return self.side**2 * 5  # of a stroke: place (2), colour (3)

    @property
    def input_shape(self):
        return (self.z_dim,)

    def feature_shape(self, layer):
        return ((self.z_dim,), (self.side**2, 5), (self.size, self.size, 3))[layer]

    def setup(self):
        self.middle = self.param("middle", lambda key: self._grid(self.side))
        self.spread = self.param("spread", lambda key: jnp.array([0.04, 0.04, 0.6, 0.6, 0.6]))

    @staticmethod
    def _grid(side):
        at = (jnp.arange(side) + 0.5) / side * 2 - 1
        return jnp.stack(jnp.meshgrid(at, at, indexing="ij"), -1).reshape(-1, 2)

    def prepare(self):
        return ()

    def __call__(self, x, start=0, stop=None, weights=None):
        for layer in range(start, 2 if stop is None else stop):
            x = self._strokes(x) if layer == 0 else self._painted(x)
        return x

    def _strokes(self, code):
        return jnp.pad(self.middle, ((0, 0), (0, 3))) + self.spread * code.reshape(-1, 5)

    def _painted(self, strokes):
        pixels = self._grid(self.size)
        down, across = (pixels[:, i, None] - strokes[:, i] for i in (0, 1))  # [pixels, strokes]
        colours = jax.nn.softmax(-(down**2 + across**2) * self.side**2) @ strokes[:, 2:]
        return jnp.tanh(colours).reshape(self.size, self.size, 3)

    def init_all(self, z):
        self(z)


module = Strokes()
params = module.init(jax.random.key(0), jnp.zeros(module.z_dim), method="init_all")["params"]
prior = gp.Prior(params, module, name="strokes")

# %% [markdown]
# ## What was measured
#
# A painting of a photograph, blurred with a width of 1.5 pixels, and a little noise. What is sought is the painting.


# %%
def blur(sigma):
    """A blur of some width, pixels; its kernel is an array, so that it can be differentiated."""
    return Blur(gaussian_kernel(sigma, 11))


folder = gp.zoo.bundled_folder("builtin").parent / "photographs"
photograph = gp.load_image(listing.list_images([folder]).paths[0], prior)
recipe = gp.recipes.latent("z", num_steps=STEPS, perceptual=None)
painting = gp.invert(prior, photograph[None], recipe, key=jax.random.key(1)).images[0]
measured = blur(1.5)(jnp.asarray(painting)) + 0.02 * jax.random.normal(jax.random.key(2), prior.image_shape)
result = gp.invert(prior, measured[None], recipe, key=jax.random.key(0), operator=broadcast(blur(1.5), 1))
show([photograph, painting, measured, result.images[0]], "photograph; painting; measured; found")

# %% [markdown]
# ## To the minimum
#
# The implicit function theorem holds at a minimum. `decrement` tells which part of the loss another step of Newton would
# take off; `refined` takes some steps of Levenberg and Marquardt, by products with the curvature.

# %%
inversion = differentiable.inversion(prior, recipe)  # a pytree: pass it to what is compiled


@partial(jit, use="often")
def closer(inversion, variables, measured, sigma):
    """Variables nearer to the minimum, and how far these are from it."""
    better = differentiable.refined(inversion, variables, measured, blur(sigma), steps=min(30, STEPS))
    return better, differentiable.decrement(inversion, better, measured, blur(sigma))


found = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), result.variables)
found, rest = closer(inversion, found, measured, 1.5)
print(f"another step would take {rest:.1e} of the loss off")

# %% [markdown]
# ## How the answer moves with the width
#
# `attached` is what was found, as a function of what it was found for. Forward mode is the cheaper one for a single
# number: one linear system, solved by conjugate gradients. On the right the searches done again, with a little more and a
# little less blur. Edges move alike in both. Both err: these searches end a little before their minima, as `decrement`
# has told, and the curvature of Gauss and Newton leaves out what no code explains, here the noise.


# %%
@partial(jit, use="often")
def moved(inversion, found, measured, sigma):
    """The derivative of the image in the width of the blur."""

    def image(sigma):
        return differentiable.attached(inversion, found, measured, blur(sigma)).image

    return jax.jvp(image, (sigma,), (1.0,))[1]


def again(sigma):
    """The image that is found through another blur."""
    return differentiable.rendered(inversion, closer(inversion, found, measured, sigma)[0])


change = np.asarray(moved(inversion, found, measured, 1.5))
differences = np.asarray(again(1.55) - again(1.45)) / 0.1
cosine = np.vdot(change, differences) / np.linalg.norm(change) / np.linalg.norm(differences)
figure, axes = plt.subplots(1, 2, figsize=(6, 3))
for axis, values, title in zip(axes, (change, differences), ("derivative", "differences"), strict=True):
    axis.imshow(values.mean(-1), cmap="RdBu", vmin=-abs(change).max(), vmax=abs(change).max())
    axis.set_title(f"{title}, a pixel of width")
    axis.axis("off")
print(f"cosine {cosine:.3f}, lengths {np.linalg.norm(change):.2f} and {np.linalg.norm(differences):.2f}")

# %% [markdown]
# ## Which measured pixels count
#
# A box is missing. What fills it depends on which pixels? The length of each column of the Jacobian, by random vectors:
# one derivative in reverse mode, and one linear system, for each of them.

# %%
hole = Mask(box_mask(module.size, module.size // 3))
holed = hole(jnp.asarray(painting))
filled = gp.invert(prior, holed[None], recipe, key=jax.random.key(0), operator=broadcast(hole, 1))
variables = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), filled.variables)
look = jit(
    lambda inversion, variables, holed: differentiable.sensitivity(
        inversion, variables, holed, hole, key=jax.random.key(3), region=1 - hole.known, probes=8
    ),
    use="often",
)
show([holed, filled.images[0]], "measured; found")
plt.figure(figsize=(3.6, 3))
plt.imshow(look(inversion, variables, holed))
plt.title("what the fill depends on")
plt.axis("off")
plt.colorbar()
plt.show()

# %% [markdown]
# ## The width, from the picture
#
# Now nobody knows the width. Begin with wrong ones, and with a code that is drawn: what was found above was found through
# the true blur, and would tell it. For every width the code is searched for anew, from there.


# %%
def by_logarithm(parameters):
    """A width above 0, whatever the parameter."""
    return blur(jnp.exp(parameters[0]))


drawn = differentiable.start(inversion, jax.random.key(4))
for first in (0.8, 2.5):  # pixels
    fitted = differentiable.fit_operator(
        inversion,
        measured[None],
        jax.tree.map(lambda leaf: leaf[None], drawn),
        by_logarithm,
        jnp.log(jnp.full(1, first)),
        rounds=min(6, STEPS),
    )
    plt.plot(np.exp(fitted.path[:, 0]), marker="o", label=f"from {first}")
    print(f"from {first}: {np.exp(fitted.parameters[0]):.3f}")
plt.axhline(1.5, color="gray")
plt.xlabel("round")
plt.ylabel("width, pixels")
plt.legend()
plt.show()

# %% [markdown]
# ## Through the steps
#
# Before a search has converged, what it finds depends on its steps as well. `unrolled` is differentiable in their sizes:
# a bar below 0 is a step that should have been longer.

# %%
last = jit(
    jax.grad(
        lambda rates, inversion, start, measured: jnp.log(
            differentiable.unrolled(inversion, measured, start, blur(1.5), rates=rates).found.loss
        )
    ),
    use="often",
)
slopes = last(jnp.ones(min(40, STEPS)), inversion, drawn, measured)
plt.bar(np.arange(len(slopes)), slopes)
plt.xlabel("step")
plt.ylabel("change of log loss by a longer step")
plt.show()

# %% [markdown]
# ## When it goes wrong
#
# * *A derivative disagrees with differences.* Look at `decrement`: what was found has to be a minimum. Networks with
#   LeakyReLU have kinks, over which differences jump and derivatives do not; `Curvature` has a damping to vary.
# * *`is of absolute differences`...* These have no curvature: `differentiable.smooth(recipe)` puts Huber's in their place.
# * *Compiling takes minutes.* Networks of convolutions in loops do that to XLA:CPU: a GPU, or the steps of
#   `differentiable.hypergradient`, which loops in Python.
# * *A gradient is 0.* What shall be differentiated has to be an argument: `attached` takes the operator, `with_weights` the
#   weights of terms; a closure over what `gp.invert` returned is a constant.
