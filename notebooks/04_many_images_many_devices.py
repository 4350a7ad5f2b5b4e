# %% [markdown]
# # Many images, many devices
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gprior-jax/gprior_jax/blob/main/notebooks/04_many_images_many_devices.ipynb)
#
# Images are independent of each other, so nothing is sent between devices while they are inverted. This shows a batch
# split over devices, a result that does not depend on how it was split, images that are inverted as they come, and an
# output folder that any interrupted run goes on with.
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
# A CPU is one device to JAX unless it is told otherwise, before it starts: then it stands for several. That is enough
# to learn from, and to test code that is meant for eight GPUs. On a GPU or TPU the setting does nothing.

# %%
import os

os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"

import tempfile
import time
from pathlib import Path

import jax
import matplotlib.pyplot as plt
import numpy as np

import gprior_jax as gp
from gprior_jax.images import arrays, listing

STEPS, BATCH = int(os.environ.get("STEPS", 60)), int(os.environ.get("BATCH", 16))


def show(images, columns, title=""):
    """Draw images [N, H, W, C] in [-1, 1] as a sheet."""
    sheet = arrays.grid(arrays.to_uint8(np.asarray(images)), columns, pad=2)
    width = min(10, 1.5 * columns)
    plt.figure(figsize=(width, 0.3 + width * sheet.shape[0] / sheet.shape[1]))
    plt.imshow(sheet)
    plt.title(title)
    plt.axis("off")
    plt.show()


print(jax.local_device_count(), "devices:", jax.devices()[0].device_kind, "and", os.cpu_count(), "cores")

# %% [markdown]
# ## A batch
#
# Four photographs, and draws of the prior to make the batch up. Everything is one program: images, restarts and codes
# are axes of arrays, not loops.

# %%
prior, key = gp.load("builtin"), jax.random.key(0)
folder = gp.zoo.bundled_folder("builtin").parent / "photographs"
photographs = np.stack([gp.load_image(path, prior) for path in listing.list_images([folder]).paths])
drawn = np.asarray(gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), max(0, BATCH - 4))))
images = np.concatenate([photographs, drawn])[:BATCH]
recipe = gp.recipes.mganprior(num_codes=10, layer=6, num_steps=STEPS)

started = time.perf_counter()
alone = gp.invert(prior, images, recipe, key=key)
print(f"one device: {time.perf_counter() - started:.1f} s with compilation, {arrays.psnr_of(alone.loss.mean()):.1f} dB")

# %% [markdown]
# ## Over devices
#
# `devices=4` splits the batch; `mesh=` takes any mesh of JAX's. Weights are copied to each device, the batch is filled
# up with copies to a multiple of their number. Four devices that share two cores win little: count on this where the
# devices are real. The times contain compilation, the same again is faster.

# %%
mesh = jax.make_mesh((jax.local_device_count(),), ("images",), devices=jax.local_devices())
started = time.perf_counter()
split = gp.invert(prior, images, recipe, key=key, mesh=mesh)
seconds = time.perf_counter() - started
print(f"{mesh.size} devices: {seconds:.1f} s with compilation, {arrays.psnr_of(split.loss.mean()):.1f} dB")

apart = np.abs(split.history["loss"] / alone.history["loss"] - 1)
plt.figure(figsize=(6, 3))
plt.semilogy(np.maximum(apart, 1e-9).T, color="tab:blue", alpha=0.4)
plt.xlabel("step")
plt.ylabel("difference of the loss, relative")
plt.show()

# %% [markdown]
# One line for each image. At first they agree to a few parts in a million, which is the order of float32 sums on other
# devices; a search amplifies that as it does any change, so that late iterates of some images differ visibly, and are
# equally good. Who else is in the batch decides nothing: the key of an image is folded from the run's key and the image's
# `id`. Here is the third one, inverted alone under its id.

# %%
again = gp.invert(prior, images[2:3], recipe, key=key, ids=[2])
first, last = (abs(again.history["loss"][0, step] / alone.history["loss"][2, step] - 1) for step in (0, -1))
print(f"its loss differs by {first:.0e} at first, and {last:.0e} in the end")
show(
    np.stack([images[2], alone.images[2], split.images[2], again.images[0]]),
    4,
    "photograph; in the batch; split; alone",
)

# %% [markdown]
# `batch_size` bounds memory: batches of this size run one after the other through one program. What a program takes is
# known before it runs. `Inverter` is the recipe made ready for a prior, for as many batches as there are.

# %%
from gprior_jax.inversion.driver import Inverter

inverter = Inverter(prior, recipe)
for size in (1, len(images)):
    states, measurements = inverter.start(0, key, inverter.inputs(images[:size], None, None, None, None), 1)
    needed = inverter.lower(0, 1, states, measurements).compile().memory_analysis()
    print(f"{size:3} images: {needed.temp_size_in_bytes / 2**20:.0f} MiB for a step")

# %% [markdown]
# ## As they come
#
# Easy images are done in a few steps, hard ones take all. `until` gives a recipe a goal, and a stream has places in one
# program: an image that has reached its goal leaves its place to the next. Nothing is compiled again. Look at the
# order in which images come out.

# %%
from gprior_jax.inversion.stream import Entry, stream

goal = recipe.until(24.0, patience=2)
entries = (Entry(i, i, image) for i, image in enumerate(images))
for tag, result in stream(Inverter(prior, goal), entries, key=key, slots=4):
    psnr, status = arrays.psnr_of(result.terms["pixel_mse"]), gp.Status(result.status).name
    print(f"image {tag:2}: {result.step:3} steps, {psnr:.1f} dB, {status}")

# %% [markdown]
# ## A folder that is gone on with
#
# `gprior invert photos/ --out results` in Python. Every image is three files, whole or absent; the second call finds
# the first one's and does what is missing, as after a crash. Any number of processes may work into one folder: each
# takes what no other has in hand. `--shard 0/16` and `--distributed` do that on clusters.

# %%
out = Path(tempfile.mkdtemp()) / "results"
job = gp.runs.Inversion(prior, recipe, key)
items = gp.runs.find_items([folder])
for part in (items[:2], items):
    started = time.perf_counter()
    done = gp.runs.run(job, part, out)
    print(f"{len(done.entries)} images are done, in {time.perf_counter() - started:.1f} s")
print(sorted(path.name for path in out.iterdir() if not path.name.startswith(".")))

# %% [markdown]
# `report.html` shows all of them. What the run made of its time is in `run.json`: how long the solver waited for
# inputs and for room to write, and how close its steps came to what the machine can do.

# %%
print({name: done.run[name] for name in ("batch_size", "waited", "device") if name in done.run})
show(np.stack([gp.load_image(out / f"{entry.row['name']}.png", prior) for entry in done.entries]), 4)

# %% [markdown]
# ## When it goes wrong
#
# * *`devices 8: this process has 1`.* Devices of a CPU are made before JAX starts: restart the kernel and set the flag first.
# * *Memory does not suffice.* Fewer images at once (`batch_size`); `codes_per_call` and `remat=True` of a recipe; one image
#   that is too large by itself is split by its codes: `devices=(4, 2)`.
# * *A folder is refused.* It holds results of other settings, and says which: a result is never mixed with another's.
# * *The GPU is idle.* `waited` says whether it waits for files.
#
# Clusters, pods and what breaks at a million images: [scaling](https://github.com/gprior-jax/gprior_jax/blob/main/docs/scaling.md).
