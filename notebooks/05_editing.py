# %% [markdown]
# # Editing
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gprior-jax/gprior_jax/blob/main/notebooks/05_editing.ipynb)
#
# A photograph is inverted in order to be edited: its code is moved along a direction that changes one thing in every
# picture alike. This notebook inverts, moves, mixes and morphs, keeps an edit to a region, and finds directions of its
# own, with the bundled StyleGAN2.
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
# `STEPS` in the environment makes the inversion shorter, for a quick look.

# %%
import os

import jax
import matplotlib.pyplot as plt
import numpy as np

import gprior_jax as gp
from gprior_jax.images import arrays

STEPS = int(os.environ.get("STEPS", 60))


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
# ## Invert, to edit
#
# A closer reconstruction is not always a better start: what was bent far from the prior's own codes does not follow
# directions any more. Two ways side by side: `w_plus`, a style for every layer, and `features`, which adds an offset to
# the features of one layer and comes within a few grey levels. Rows: pictures, W+, features.

# %%
prior, key = gp.load("builtin:portraits"), jax.random.key(0)
data = gp.zoo.bundled_folder("builtin").parent
names = ("photographs/astronaut.jpg", "portraits/portrait_1.png", "portraits/portrait_3.png")
targets = np.stack([gp.load_image(data / name, prior) for name in names])

recipes = {
    "W+": gp.recipes.latent("w_plus", num_steps=STEPS),
    "features": gp.recipes.features(num_steps=STEPS, style_steps=STEPS),
}
found = {name: gp.invert(prior, targets, recipe, key=key) for name, recipe in recipes.items()}
for name, result in found.items():
    print(f"{name}: {np.asarray(arrays.psnr_of(result.terms['pixel_mse'])).round(1)} dB")
show(np.concatenate([targets, *(result.images for result in found.values())]), len(targets))

# %% [markdown]
# ## Move along a direction
#
# The bundled prior comes with directions: boundaries of attributes that were measured on its own pictures. Strengths
# are standard deviations of the prior's codes, so that 2 means the same for directions of different files. Of an
# inversion only the code moves; offsets and noise stay.


# %%
def points(name):
    """What was found, as points that editing takes."""
    parametrization = recipes[name].stages[-1].fit(prior).parametrization
    variables = found[name].variables
    return [
        gp.editing.Point(str(i), {key: value[i] for key, value in variables.items()}, parametrization)
        for i in range(len(targets))
    ]


def edited(point, step, strengths):
    """Pictures of a point at some strengths."""
    target = gp.editing.movable(prior, point, "w")
    moved = gp.editing.moved(prior, target, strengths, step)
    return gp.editing.render(prior, moved, target.parametrization)


files = gp.runs.bundled_directions("builtin:portraits")
print("directions:", ", ".join(files))
strengths = (-2.0, -1.0, 0.0, 1.0, 2.0)
step = gp.editing.step_for(prior, [gp.runs.load_direction(files["fair_hair"])])
sheet = np.concatenate([edited(point, step, strengths) for point in points("features")])
show(sheet, len(strengths), "hair from dark to fair, -2 to 2 deviations")

# %% [markdown]
# Attributes share pixels: fair hair comes with a brighter picture. A condition is a direction along which nothing is to
# change; it is projected out. The edit is weaker then, as some of it was brightness. What is printed is how much the
# mean of the picture changes, which is not what we asked for.

# %%
bright = gp.runs.load_direction(files["bright"])
kept = gp.editing.step_for(prior, [gp.runs.load_direction(files["fair_hair"])], conditions=[bright])
rows = [np.concatenate([edited(point, each, (-2.0, 2.0)) for point in points("features")]) for each in (step, kept)]
for name, row in zip(("plain", "brightness held"), rows, strict=True):
    print(f"{name}: the mean changes by {np.diff(row.mean((1, 2, 3)).reshape(-1, 2))[:, 0].round(2)}")
show(np.concatenate(rows), 6, "-2 and 2 deviations; below with the brightness held")

# %% [markdown]
# ## In a region
#
# The mask is the part of the edit at every pixel, and fades over a band. Here the ground beside the face changes, and
# the face stays that of the picture to the last bit. Features can be blended in place of pixels
# (`gp.editing.composed_images`), which leaves no seam.

# %%
size = prior.resolution
row, column = np.mgrid[:size, :size] / size
beside = (((column - 0.5) / 0.33) ** 2 + ((row - 0.55) / 0.5) ** 2 > 1).astype(np.float32)[..., None]
share = gp.editing.soft_region(beside, 4)
ground = gp.editing.step_for(prior, [gp.runs.load_direction(files["blue_ground"])])
pictures = np.stack([edited(point, ground, (2.0,))[0] for point in points("features")])
local = share * pictures + (1 - share) * targets
show(np.concatenate([targets, pictures, local]), 3, "picture; edited; edited beside the face only")

# %% [markdown]
# ## Between pictures, and styles of one in another
#
# A straight line in W+ joins two inversions. Mixing takes the styles of some layers from another picture: early ones
# hold pose and outline, late ones colours. Here it mixes pictures that the prior draws. Inversions mix less well, as
# their styles were bent until they fitted together: put `w_plus` in the place of `rows`, and see.

# %%
w_plus = found["W+"].variables["w_plus"]
line = gp.editing.interpolate(w_plus[1], w_plus[2], 6)
show(gp.synthesize(prior, line, space="w_plus"), 8, "a line in W+")
rows, columns = np.split(np.asarray(gp.map_latents(prior, gp.sample_z(prior, key, 9), truncation_psi=0.8)), [3])
grid = gp.editing.mixing_grid(rows, columns, *gp.editing.style_range(f"{prior.num_styles // 2}-", prior.num_styles))
show(
    gp.synthesize(prior, grid.reshape(-1, *grid.shape[2:]), space="w_plus"),
    len(columns),
    "rows give the form, columns the later styles",
)

# %% [markdown]
# ## Directions of your own
#
# Without labels: `sefa` reads directions off the weights, in no time. They have no names: look what each does, and give
# it one. With labels or scores, `gp.editing.train_boundary` finds the direction between two kinds of pictures.

# %%
directions = gp.editing.sefa(prior, 3)
codes = {"w_plus": w_plus[1:2]}
for index, each in enumerate(directions):
    plt.figure(figsize=(9, 1.6))
    plt.imshow(gp.editing.strip(prior, codes, each.direction))
    plt.title(f"direction {index} of SeFa, -3 to 3 deviations")
    plt.axis("off")
    plt.show()

# %% [markdown]
# ## When it goes wrong
#
# * *Everything changes a little.* The direction is correlated with others: hold them (`conditions`), move some layers only
#   (`layers=`), or keep the edit to a region.
# * *The picture falls apart at 2 or 3.* The code is far from the prior's own: `gp.recipes.in_domain` stays nearer, at the
#   price of likeness. `gprior edit` warns where the weights of several codes are large.
# * *Nothing changes.* The offset of `features` holds most of the picture: give the styles more steps first (`style_steps`).
# * *A direction of a file does not fit.* Its prior had another size of codes: directions belong to one prior.
#
# The command does all of it, and writes sheets and films: `gprior edit found --along fair_hair --out edited`
# ([editing](https://github.com/gprior-jax/gprior_jax/blob/main/docs/editing.md)).
