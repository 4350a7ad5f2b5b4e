# %% [markdown]
# # Bring your own generator
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gprior-jax/gprior_jax/blob/main/notebooks/07_bring_your_own_generator.ipynb)
#
# Any Flax module that runs its layers on one code becomes a prior, and every method works with it: inversion, several
# codes, restoration, geometry, model folders, the command line. The one that is written here paints: a code holds the
# places, sizes, turns and colours of some hundred soft strokes (Gaussians, as in splatting), and nobody has trained it.
# So it also shows what of a restoration comes from what a network has learned, and what from smoothness alone.
#
# About a minute on two CPU cores. The next cell installs the package where it is missing.

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
# `STEPS` in the environment makes inversions shorter, for a quick look.

# %%
import os
import tempfile
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import gprior_jax as gp
from gprior_jax import geometry
from gprior_jax.images import arrays, listing

STEPS = int(os.environ.get("STEPS", 200))


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
# ## The module
#
# What a generator has to tell: the length of its code, names of its layers, the shape that each gives, and how to run
# from one layer to another. Write it for one code: batches are made with `vmap`. Features have channels last.
#
# Layers here: the code becomes strokes, these a canvas, and a tanh makes its colours an image. `middle` and `spread` are its
# weights: strokes start on a grid, and a code of zeros is a plain gray sheet. `prepare` is there for weights that take
# time to make ready, `init_all` touches every parameter.

# %%
NUMBERS = 8  # of a stroke: place (2), log sizes (2), turn, colour (3)


class Strokes(nn.Module):
    """A code to an image that is painted with soft strokes."""

    side: int = 9
    size: int = 64
    layer_names = ("strokes", "canvas", "image")

    @property
    def z_dim(self):
        return self.side**2 * NUMBERS

    @property
    def input_shape(self):
        return (self.z_dim,)

    def feature_shape(self, layer):  # of what the layers before it give
        image = (self.size, self.size, 3)
        return ((self.z_dim,), (self.side, self.side, NUMBERS), image, image)[layer]

    def setup(self):
        self.middle = self.param("middle", self._first_middle)
        self.spread = self.param("spread", lambda key: jnp.array([0.15, 0.15, 0.4, 0.4, 1.0, 0.6, 0.6, 0.6]))

    def _first_middle(self, key):
        at = (jnp.arange(self.side) + 0.5) / self.side * 2 - 1
        rows, columns = jnp.meshgrid(at, at, indexing="ij")
        sizes = jnp.full((self.side, self.side, 2), jnp.log(1.3 / self.side))
        return jnp.concatenate([rows[..., None], columns[..., None], sizes, jnp.zeros((self.side, self.side, 4))], -1)

    def prepare(self):
        return ()

    def __call__(self, x, start=0, stop=None, weights=None):
        for layer in range(start, 3 if stop is None else stop):
            if layer == 0:
                x = self.middle + self.spread * x.reshape(self.side, self.side, NUMBERS)
            else:
                x = self._painted(x.reshape(-1, NUMBERS)) if layer == 1 else jnp.tanh(x)
        return x

    def _painted(self, strokes):
        at = (jnp.arange(self.size) + 0.5) / self.size * 2 - 1
        rows, columns = jnp.meshgrid(at, at, indexing="ij")
        down, across = rows[..., None] - strokes[:, 0], columns[..., None] - strokes[:, 1]  # [H, W, strokes]
        turn, sizes = strokes[:, 4], jnp.exp(strokes[:, 2:4])
        along = (jnp.cos(turn) * down + jnp.sin(turn) * across) / sizes[:, 0]
        beside = (jnp.cos(turn) * across - jnp.sin(turn) * down) / sizes[:, 1]
        return jax.nn.softmax(-(along**2) - beside**2) @ (2 * strokes[:, 5:])

    def init_all(self, z):
        self(z)


# %% [markdown]
# ## A prior
#
# `gp.Prior` is the module with its weights, drawn here and as well those that you have trained. A registered class can be
# stored in model folders, which every command takes with `--plugin my_module.py`.

# %%
key = jax.random.key(0)
builtin = gp.load("builtin")
module = Strokes(size=builtin.resolution)
params = module.init(key, jnp.zeros(module.z_dim), method="init_all")["params"]
gp.zoo.register("strokes", Strokes)
folder = Path(tempfile.mkdtemp()) / "strokes"
gp.save(gp.Prior(params, module, name="strokes"), folder)
prior = gp.load(folder)
show(gp.synthesize(prior, gp.sample_z(prior, key, 8)), 8, "of random codes")

# %% [markdown]
# The layer contract comes with it: cut anywhere, the halves are the whole. Look at this number first when a module of
# yours behaves oddly.

# %%
z = gp.sample_z(prior, key, 2)
whole = gp.synthesize(prior, z)
print([float(abs(gp.from_features(prior, gp.features(prior, z, layer), layer) - whole).max()) for layer in (1, 2)])

# %% [markdown]
# ## Inversion: photographs are painted
#
# One code is 81 strokes. There is no discriminator, so only pixels are compared. This prior knows nothing of faces, and
# paints a cat as well as an astronaut.

# %%
data = gp.zoo.bundled_folder("builtin").parent / "photographs"
targets = np.stack([gp.load_image(path, prior) for path in listing.list_images([data]).paths])
recipe = gp.recipes.latent("z", num_steps=STEPS, perceptual=None)
painted = gp.invert(prior, targets, recipe, key=key)
print(np.asarray(arrays.psnr_of(painted.terms["pixel_mse"])).round(1), "dB")
show(np.concatenate([targets, painted.images]), 4)

# %% [markdown]
# Several codes, composed at the canvas: three paintings whose colours are weighed and added up. The recipe is that of any
# other prior.

# %%
several = gp.recipes.mganprior(num_codes=3, layer=2, num_steps=STEPS, free_codes=True, perceptual=None)
composed = gp.invert(prior, targets[:2], several, key=key)
print(np.asarray(arrays.psnr_of(composed.terms["pixel_mse"])).round(1), "dB")
show(
    np.stack([targets[:2], painted.images[:2], composed.images], axis=1).reshape(-1, *prior.image_shape),
    6,
    "photograph; one code; three",
)

# %% [markdown]
# ## Restoration, and what learning adds
#
# Four fifths of the pixels are missing: strokes fill them from their neighbours, as smooth pictures go. Below, a box is
# missing. What strokes put there reaches in from its edges, and where none does nobody has told it its colour; only the
# trained prior knows that eyes belong there. PSNR prefers the smooth one all the same: look. Columns: observed, strokes,
# `builtin`, truth.

# %%
size = prior.resolution
known = np.stack([gp.operators.random_mask(key, size, 0.8), gp.operators.box_mask(size, 3 * size // 8)])
truth = targets[:1].repeat(2, axis=0)
its_own = gp.recipes.restoration("inpaint", builtin, num_steps=min(STEPS, 30))
by_strokes = gp.tasks.inpaint(prior, truth, known, key=key, recipe=recipe)
by_builtin = gp.tasks.inpaint(builtin, truth, known, key=key, recipe=its_own)
for name, found in {"strokes": by_strokes, "builtin": by_builtin}.items():
    print(
        f"{name}: {np.asarray(arrays.psnr_of(np.square(found.images - truth).mean((1, 2, 3)))).round(1)} dB (scattered pixels, a box)"
    )
show(np.stack([truth * known, by_strokes.images, by_builtin.images, truth], axis=1).reshape(-1, *prior.image_shape), 4)

# %% [markdown]
# ## Editing and geometry
#
# From one painting to another the strokes wander. And as nothing in this module has a kink, second derivatives are right:
# curvature can be asked for, which it cannot of networks with LeakyReLU.

# %%
codes = painted.variables["z"]
show(gp.synthesize(prior, gp.editing.morph(codes[[0, 1, 2]], 6)), 13, "between paintings")
function = geometry.outputs(prior, "z")
top = jax.jit(lambda f, x: geometry.spectrum(f, x, 2, products=12))(function, jnp.asarray(codes[0]))
curvature = jax.jit(geometry.sectional_curvature)(function, jnp.asarray(codes[0]), *top.directions)
print(f"singular values {np.round(top.values, 1)}, sectional curvature {curvature:.1e}")
print(f"kinks {jax.jit(geometry.kinks)(function, jnp.asarray(codes[0]), top.directions[0]):.2f}")

# %% [markdown]
# ## When it goes wrong
#
# * *`has no attribute`...* Something that the protocol asks for is missing: `gprior_jax.generators.prior.Generator` tells all of
#   it, and what one with classes, styles or noise has besides.
# * *A folder does not load.* The class must be registered first, in the process that loads; a field of the module has to
#   be a number, a string or a tuple.
# * *Everything is slow.* Write for one code and leave `vmap` to the package; make weights that do not depend on the code in
#   `prepare`.
# * *Nothing moves.* A saturated layer has no gradient: look at `history`, and at draws of the prior.
#
# Terms, optimisers, parametrisations, operators and commands of your own are brought in the same way
# ([extending](https://github.com/gprior-jax/gprior_jax/blob/main/docs/extending.md)).
