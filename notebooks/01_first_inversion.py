# %% [markdown]
# # A first inversion
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gprior-jax/gprior_jax/blob/main/notebooks/01_first_inversion.ipynb)
#
# A pretrained generator knows what faces look like. Here it explains a photograph: first with one latent code, then with
# twenty that are composed at an inner layer (Gu, Shen and Zhou 2020, [arXiv:1912.07116](https://arxiv.org/abs/1912.07116)).
#
# Everything below takes about a minute on two CPU cores, and seconds on a GPU. The next cell installs the package where
# it is missing, as on Colab, and does nothing elsewhere. It keeps the NumPy that is there, and brings JAX up to date
# together with the plugin of the accelerator: an old plugin beside a new JAX would leave the accelerator unused.

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
# `STEPS` in the environment makes everything shorter, for a quick look; results are then worse than what the text says.
# `LAYERS` are those that are tried further below.

# %%
import os

import jax
import matplotlib.pyplot as plt
import numpy as np

import gprior_jax as gp
from gprior_jax.images import arrays, listing

STEPS = int(os.environ.get("STEPS", 100))
LAYERS = [int(layer) for layer in os.environ.get("LAYERS", "2 4 8").split()]


def show(images, columns, title=""):
    """Draw images [N, H, W, C] in [-1, 1] as a sheet."""
    sheet = arrays.grid(arrays.to_uint8(np.asarray(images)), columns, pad=2)
    width = min(10, 1.5 * columns)
    plt.figure(figsize=(width, 0.3 + width * sheet.shape[0] / sheet.shape[1]))
    plt.imshow(sheet)
    plt.title(title)
    plt.axis("off")
    plt.show()


print(f"JAX {jax.__version__} on {jax.devices()[0].device_kind}")

# %% [markdown]
# ## The prior
#
# `gp.load` takes the name of a bundled prior, a model folder, or `hf:owner/name`. `builtin` is a progressive GAN of 64 px,
# trained on painted and photographic portraits. It is an ordered list of layers that can be cut anywhere.

# %%
prior = gp.load("builtin")
key = jax.random.key(0)
for layer, name in enumerate(prior.layer_names):
    print(f"{layer:2}  {name:12} {prior.feature_shape(layer)} -> {prior.feature_shape(layer + 1)}")

# %% [markdown]
# What it draws of sixteen random codes. Faces are frontal and on plain grounds: that is all this prior knows, and what
# it will try to see in any picture.

# %%
samples = gp.synthesize(prior, gp.sample_z(prior, key, 16))  # [16, 64, 64, 3] in about [-1, 1]
show(samples, columns=8)

# %% [markdown]
# The contract that everything builds on: cut at any layer, the first half followed by the second is the whole. What is
# printed is the largest difference of a pixel, of cuts at three places.

# %%
z = gp.sample_z(prior, key, 2)
halves = [gp.from_features(prior, gp.features(prior, z, layer), layer) for layer in (0, 3, prior.num_layers)]
print(max(float(abs(half - samples[:2]).max()) for half in halves))

# %% [markdown]
# ## One code against twenty
#
# Photographs: an astronaut, a cat, a cup of coffee, a rocket. `gp.load_image` reads files of any size and mode, and
# makes squares of the prior's size.
#
# A recipe is data: what is searched for, how it is compared, and by which optimiser. `layer` is where the codes are
# composed. All images are inverted at once, in one compiled program. For twenty codes at layer 6 this prior has an encoder,
# from which they start by themselves; `start="random"` draws codes for every image.

# %%
folder = gp.zoo.bundled_folder("builtin").parent / "photographs"
targets = np.stack([gp.load_image(path, prior) for path in listing.list_images([folder]).paths])

one = gp.recipes.latent("z", num_steps=3 * STEPS, perceptual=None)
twenty = gp.recipes.mganprior(num_codes=20, layer=6, num_steps=STEPS)
recipes = {"one code": one, "twenty codes": twenty}
results = {name: gp.invert(prior, targets, recipe, key=key) for name, recipe in recipes.items()}
for name, result in results.items():
    print(f"{name}: {np.asarray(arrays.psnr_of(result.terms['pixel_mse'])).round(1)} dB")

# %% [markdown]
# Look at the second row: one code makes a face of everything, of the astronaut with some reason. Twenty codes follow what
# they are shown. A difference of 1 dB is just visible; 30 dB is close.

# %%
sheet = np.concatenate([targets, *(result.images for result in results.values())])
show(sheet, len(targets), "photograph; one code; twenty")

# %% [markdown]
# ## Where to compose
#
# Early layers keep a result to what the generator would draw: good where much is missing, and for editing. Later ones
# follow pixels, up to where there are too few channels to weigh (layer 8 has half of those of layer 6, and wants twice the
# codes). So PSNR alone does not choose a layer. Look at the mouth and at the cat's eyes.

# %%
columns = [targets[:2]]
for layer in LAYERS:
    recipe = gp.recipes.mganprior(num_codes=20, layer=layer, num_steps=STEPS, start="random")  # At 6 as elsewhere.
    result = gp.invert(prior, targets[:2], recipe, key=key)
    columns.append(result.images)
    print(f"layer {layer}: {np.asarray(arrays.psnr_of(result.terms['pixel_mse'])).round(1)} dB")
sheet = np.stack(columns, axis=1).reshape(-1, *prior.image_shape)
show(sheet, len(columns), f"photograph; layers {', '.join(map(str, LAYERS))}")

# %% [markdown]
# ## How it got there
#
# Every term of the objective is recorded at every step, for every image. A curve that still falls at the end asks for
# more steps. One that jumps up for long says that the rate is too large. `status` says of every image why it ended.

# %%
for (name, result), colour in zip(results.items(), ("tab:gray", "tab:blue"), strict=True):
    plt.semilogy(result.history["pixel_mse"].T, color=colour)
    plt.plot([], color=colour, label=name)
    print(name, [gp.Status(status).name for status in result.status])
plt.xlabel("step")
plt.ylabel("mean squared error")
plt.legend()
plt.show()

# %% [markdown]
# ## Everything is a pure function
#
# The found variables are arrays, and what they draw is differentiable in them. Here is how much each code contributes
# to the astronaut. With the preset `fast` the codes stay as they were drawn, and large weights cancel each other: for an
# inversion that is to be edited, ask for `free_codes=True` ([editing](https://github.com/gprior-jax/gprior_jax/blob/main/notebooks/05_editing.ipynb)).

# %%
alpha = results["twenty codes"].variables["alpha"][0]  # [codes, channels]
plt.figure(figsize=(8, 2.5))
plt.bar(np.arange(len(alpha)), np.abs(alpha).mean(axis=1))
plt.xlabel("code")
plt.ylabel("mean |weight|")
plt.show()
print(f"weights of {gp.editing.gross_weight(alpha):.1f} times an average's")

# %% [markdown]
# ## When it goes wrong
#
# * *The result is a face, the photograph is not.* The prior knows nothing else: take a later layer, or another prior.
# * *The face is turned or off the centre.* Priors of faces want them where their training images had them. `gprior invert
#   photo.jpg --align auto` turns a photograph so, and `--paste` puts the result back.
# * *Another run gives another result.* Starts are drawn from `key`, where they are not an encoder's; `restarts=4` draws
#   four and keeps the best.
# * *It does not fit into memory.* `batch_size=` of `gp.invert` takes fewer images at once.
#
# The same from the command line, with a report of every image: `gprior invert photos/ --out results`.
