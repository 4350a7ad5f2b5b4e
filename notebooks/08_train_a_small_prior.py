# %% [markdown]
# # Train a small prior
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gprior-jax/gprior_jax/blob/main/notebooks/08_train_a_small_prior.ipynb)
#
# A prior of your own images, from a zip file to restorations, in about a minute: a class-conditional DCGAN of scanned
# digits that scikit-learn brings (E. Alpaydin and C. Kaynak, UCI, CC BY 4.0), small enough for two CPU cores. The same
# functions train PGGAN and StyleGAN2 on thousands of photographs, in hours.
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
# `IMAGES` in the environment is how many images training sees, `STEPS` how many steps inversions take: fewer for a quick
# look.

# %%
import csv
import io
import os
import tempfile
import zipfile
from pathlib import Path

import jax
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

import gprior_jax as gp
from gprior_jax.images import arrays
from gprior_jax.training.data import ImageZip
from gprior_jax.training.dcgan_config import DCGANConfig
from gprior_jax.training.loop import train

STEPS, IMAGES = int(os.environ.get("STEPS", 100)), int(os.environ.get("IMAGES", 100_000))


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
# ## Data
#
# A zip file of pictures in any folders; where a run has classes and no `dataset.json` names them, folders do. The scans are
# of 8 px, and are enlarged to 16. A twentieth of the images, chosen by a hash of their names, is held out of
# training: what follows is measured on those.

# %%
place = Path(tempfile.mkdtemp())
digits = load_digits()
with zipfile.ZipFile(place / "digits.zip", "w") as archive:
    for number, (scan, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        content = io.BytesIO()
        scan = Image.fromarray((scan * 15.9375).astype(np.uint8)).resize((16, 16), Image.Resampling.BICUBIC)
        scan.save(content, "png")
        archive.writestr(f"{digit}/{number:04}.png", content.getvalue())
held_out = ImageZip(place / "digits.zip", "held_out", channels=1)
labels, names = held_out.labels()
mixed = np.random.default_rng(0).permutation(len(held_out))
labels, images = labels[mixed], np.stack([arrays.from_uint8(held_out.image(int(index), 16)) for index in mixed])
print(len(digits.images), "images,", len(held_out), "held out, classes", names)
show(arrays.as_rgb(images[:32]), 16)

# %% [markdown]
# ## Training
#
# Settings are a dataclass: the published ones of DCGAN unless given. The run's folder has states to go on from: run the cell
# again and it is done at once; with more `images` it goes on.

# %%
config = DCGANConfig(
    resolution=16,
    image_channels=1,
    num_classes=10,
    z_dim=32,
    width=32,
    images=IMAGES,
    learning_rate=5e-4,
    ema_half_life=min(5_000.0, IMAGES / 8),
    mirror=False,
)
log = max(64, IMAGES // 40)
prior = train(config, place / "digits.zip", place / "run", log_images=log, snapshot_images=10 * log, tell=print)
rows = list(csv.DictReader((place / "run" / "log.csv").read_text().splitlines()))
print(
    {name: value for name, value in rows[-1].items() if name in ("images", "generator", "discriminator", "diversity")}
)

# %% [markdown]
# Losses of a GAN do not fall: two networks hold each other in balance. What tells is `real_right` and `fake_right`, the parts of
# images that the discriminator sees through (both at 1 means that the generator has lost touch), and `diversity`, how far
# drawn images are from each other, beside real ones. A sentence is told where either goes wrong.

# %%
for name in ("real_right", "fake_right", "diversity"):
    plt.plot([int(row["images"]) for row in rows], [float(row[name]) for row in rows], label=name)
plt.xlabel("images")
plt.ylim(0, 1.5)
plt.legend()
plt.show()

# %% [markdown]
# ## What it draws
#
# A column for each class, a row for each code: the code holds the hand, the class the digit. `run/model` is a model folder that
# `gp.load` and every command take.

# %%
prior, key = gp.load(place / "run" / "model"), jax.random.key(0)
classes = np.arange(10)
sheet = [gp.synthesize(prior, np.tile(z, (10, 1)), label=classes) for z in gp.sample_z(prior, key, 4)]
show(arrays.as_rgb(np.concatenate(sheet)), 10)

# %% [markdown]
# ## Inversion, and reading by it
#
# Images that training has not seen, held to their class. And the other way round: which class explains an image best? Every
# class is drawn and compared, the nearest are looked at closer. This prior was never told to read.

# %%
some = slice(0, 32)
recipe = gp.recipes.latent("z", num_steps=STEPS, perceptual=None)
found = gp.invert(prior, images[some], recipe, key=key, label=labels[some])
print(f"{arrays.psnr_of(found.terms['pixel_mse'].mean()):.1f} dB on average")
show(arrays.as_rgb(np.concatenate([images[:16], found.images[:16]])), 16, "held out; inverted")

search = gp.ClassSearch(keep=3, draws=16, num_steps=max(1, STEPS // 3))
read = gp.find_classes(prior, images[some], recipe, key=key, search=search)
print(f"read correctly: {np.mean(read.label == labels[some]):.0%}")

# %% [markdown]
# ## Restoration
#
# The lower half is missing, and its class is known. With several answers the deviation shows where the prior was free to
# choose.

# %%
known = gp.operators.box_mask(16, (8, 0, 8, 16))
filled = gp.tasks.inpaint(prior, images[:16], known, key=key, label=labels[:16], recipe=recipe, samples=4)
deviation = 4 * filled.std[..., None] - 1
show(
    arrays.as_rgb(np.concatenate([images[:16] * known, filled.images, filled.mean, deviation, images[:16]])),
    16,
    "observed; one answer; mean of four; deviation; truth",
)

# %% [markdown]
# ## When it goes wrong
#
# * *All images are alike.* Diversity falls: a lower rate, more images, label smoothing.
# * *The discriminator wins.* Fewer of its steps, a smaller rate, more data, or augmentation (StyleGAN2).
# * *Good draws, poor inversions.* The prior has left out what the image shows: several codes (`gp.recipes.mganprior`) reach further.
# * *How good is it?* `gprior fid --model run/model --data digits.zip --perceptual lite0` compares with the held-out images.
#
# On the command line: `gprior train generator --arch dcgan --data digits.zip --resolution 16 --num-classes 10 --image-channels 1
# --out run` ([training](https://github.com/gprior-jax/gprior_jax/blob/main/docs/training.md)).
