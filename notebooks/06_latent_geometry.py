# %% [markdown]
# # Latent geometry
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gprior-jax/gprior_jax/blob/main/notebooks/06_latent_geometry.ipynb)
#
# How far is it from one picture to another, on the pictures that a generator can draw? Its Jacobian tells: a small step
# of a code changes the picture by so much, in such directions. Everything here is a pure function of any function of a
# latent, and never holds the Jacobian.
#
# Two or three minutes on two CPU cores. The next cell installs the package where it is missing.

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
# `STEPS` in the environment sets the Gauss-Newton steps of the geodesics, for a quick look.

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import gprior_jax as gp
from gprior_jax import geometry
from gprior_jax.images import arrays

STEPS = int(os.environ.get("STEPS", 3))
SEGMENTS = 6


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
# ## A function of one latent
#
# A photograph and a portrait become points of W: the nearest pictures that one w draws. They are not the pictures
# themselves: one w reaches what the prior could have drawn. `geometry.outputs` is the generator as a function of w, and a
# pytree, so that it can be passed to `jax.jit`.

# %%
prior = gp.load("builtin:portraits")
data = gp.zoo.bundled_folder("builtin").parent
names = ("photographs/astronaut.jpg", "portraits/portrait_1.png")
targets = np.stack([gp.load_image(data / name, prior) for name in names])
recipe = gp.recipes.latent("w", num_steps=20 * STEPS)
w = jnp.asarray(gp.invert(prior, targets, recipe, key=jax.random.key(0)).variables["w"])
function = geometry.outputs(prior, "w")
show(np.concatenate([targets, gp.synthesize(prior, w, space="w")]), 4, "two pictures, and the nearest ones of one w")

# %% [markdown]
# ## At a point
#
# The singular values of the Jacobian: how far the picture goes for a step of length 1 in the direction that changes it
# most, the next, and so on. A few products with the Jacobian and its adjoint find the first ones, and their directions
# (dots); w has only 128 numbers, so that the whole metric can be had as well (lines). Look how steep they fall. The
# effective rank puts a number on how many directions count.

# %%
find = jax.jit(lambda f, x: geometry.spectrum(f, x, 6, products=20))
metric = jax.jit(lambda f, x: geometry.metric(f, x, by="columns"))
spectra = [find(function, each) for each in w]
for index, (name, found) in enumerate(zip(names, spectra, strict=True)):
    values = geometry.singular_values(metric(function, w[index]))
    plt.semilogy(np.arange(1, len(values) + 1), values, color=f"C{index}", label=name)
    plt.semilogy(np.arange(1, 7), found.values, "o", color=f"C{index}")
    print(f"{name}: {np.round(found.values, 1)}, effective rank of all {geometry.effective_rank(values):.0f}")
plt.xlabel("direction")
plt.ylabel("singular value")
plt.legend()
plt.show()

# %% [markdown]
# The same directions, seen: each row moves the portrait along one of them, by steps that change the picture alike.
# The first is often brightness, which moves every pixel; what looks like a person changes in later ones.

# %%
amounts = jnp.linspace(-15.0, 15.0, 7)
steps = amounts[:, None] / spectra[1].values[:3, None, None] * spectra[1].directions[:3, None]
rows = gp.synthesize(prior, (w[1] + steps).reshape(-1, prior.w_dim), space="w")
show(rows, len(amounts), "along the first three directions")

# %% [markdown]
# ## Between two points
#
# The straight line in W is not the shortest way. `geodesic` looks for the curve of least energy near it, by Gauss and
# Newton from few points to many; what it returns has never more energy than the line. Speed is even along it.

# %%
between = jax.jit(lambda f, a, b: geometry.geodesic(f, a, b, num_segments=SEGMENTS, steps=STEPS))
way = between(function, *w)
line = geometry.line(*w, SEGMENTS)
print(
    f"energy {way.energy / way.line_energy:.2f} of the line's, length {way.length:.1f}, speed varies by {way.speed_variation:.1%}"
)
show(gp.synthesize(prior, jnp.concatenate([line, way.curve]), space="w"), SEGMENTS + 1, "line; geodesic in pixels")

# %% [markdown]
# In pixels the shortest way is nearly a cross-fade: look for the grey, blurred middle. Distances of *features* ask for
# pictures that look like something on the way. Any network will do; here it is the prior's discriminator.

# %%
from gprior_jax.perceptual.network import default

network = default(prior)
features = geometry.outputs(prior, "w", network=network)
seen = between(features, *w)
print(f"energy in features: {seen.energy / seen.line_energy:.2f} of the line's")
both = jnp.concatenate([way.curve, seen.curve])
show(gp.synthesize(prior, both, space="w"), SEGMENTS + 1, "geodesic in pixels; in features")

# %% [markdown]
# How fast the picture changes along the three ways, by the discriminator's features. The line rushes through some places
# and rests in others; a geodesic of this distance is even.

# %%
curves = {"line": line, "geodesic in pixels": way.curve, "geodesic in features": seen.curve}
measure = jax.jit(geometry.measure)
for name, curve in curves.items():
    found = measure(features, curve)
    plt.plot(found.distances, "o-", label=f"{name}, length {found.length:.2f}")
plt.xlabel("segment")
plt.ylabel("distance of neighbours")
plt.ylim(bottom=0)
plt.legend()
plt.show()

# %% [markdown]
# ## One region, and the rest held
#
# Directions that change the mouth and hold everything else: those of the region within the null space of the rest, at low
# rank. With `tolerance` less is held, or more. The map is the mean absolute change.

# %%
size = prior.resolution
region = 1.0 - gp.operators.box_mask(size, (11 * size // 16, 5 * size // 16, size // 5, 3 * size // 8))
found = jax.jit(lambda f, x: geometry.region_directions(f, x, region, 1, tolerance=0.2))(function, w[1])
step = 6.0 / found.inside[0] * found.directions[0]
moved = gp.synthesize(prior, w[1] + jnp.linspace(-1.0, 1.0, 5)[:, None] * step, space="w")
print(
    f"{found.held} directions are held; the mouth changes {found.inside[0] / found.outside[0]:.1f} times as much as the rest"
)
show(moved, 5, "the mouth, and the rest held")
plt.figure(figsize=(3, 3))
plt.imshow(jnp.abs(moved[-1] - moved[0]).mean(-1), cmap="magma")
plt.axis("off")
plt.show()

# %% [markdown]
# ## Kinks
#
# The network has LeakyReLUs: it is made of pieces, on each of which second derivatives know nothing of the kinks between.
# Curvature and geodesic equations by autodiff give a number all the same, and it is wrong. `kinks` says so: near 1 the
# slope changes by jumps, near 0 smoothly. What is above needs first derivatives only.

# %%
kinks = jax.jit(geometry.kinks, static_argnums=3)
smooth = jax.tree_util.Partial(lambda x: jnp.tanh(x) ** 2)
print(f"kinks of the generator {kinks(function, w[0], spectra[0].directions[0], 0.1):.2f}")
print(f"of a smooth function {kinks(smooth, w[0], spectra[0].directions[0], 0.1):.2f}")

# %% [markdown]
# ## When it goes wrong
#
# * *The geodesic is no better than the line.* With few segments curves cut corners; take more, or start from another
#   curve (`initial=`): a geodesic is a local one.
# * *Memory.* A geodesic holds what the generator keeps for its derivative at every point: fewer segments, or
#   `geodesics(..., batch_size=1)`.
# * *Singular values differ between runs.* Later ones converge last: more `products`.
#
# The command: `gprior geometry seed:1 seed:2 --model builtin:portraits --out between`
# ([geometry](https://github.com/gprior-jax/gprior_jax/blob/main/docs/geometry.md)).
