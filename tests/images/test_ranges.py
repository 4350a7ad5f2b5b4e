"""Every public function that takes images refuses those of another range, and says what to do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import random_params

import gprior_jax as gp
from gprior_jax import metrics
from gprior_jax.discriminators.critic import Critic
from gprior_jax.discriminators.pggan import PGGANDiscriminator
from gprior_jax.errors import ArgumentError, RangeWarning
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.images.video import save_video
from gprior_jax.metrics.attribution import feature_distances, project
from gprior_jax.metrics.fidelity import fidelity
from gprior_jax.objectives import Objective, Observation, Pixel
from gprior_jax.perceptual.network import discriminator

SIDE = 16
CRITIC = PGGANDiscriminator((4, 4, 4), dense_features=4, group_size=1)
GENERATOR = PGGAN((4, 4, 4), z_dim=4)
PRIOR = Prior(random_params(GENERATOR, 0), GENERATOR, critic=Critic(random_params(CRITIC, 1), CRITIC))
NETWORK = discriminator(PRIOR.critic)
KEY = jax.random.key(0)
BYTES = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)
NUMBERS = BYTES.astype(np.float32)
RIGHT, UNIT = NUMBERS / 127.5 - 1, NUMBERS / 255


def styled():
    return gp.load("builtin:portraits")


SYMMETRIC = {
    "invert": lambda x: gp.invert(PRIOR, x, gp.recipes.mganprior(1, 0, num_steps=1), key=KEY),
    "colorize": lambda x: gp.tasks.colorize(PRIOR, x[..., :1], key=KEY),
    "upscale": lambda x: gp.tasks.upscale(PRIOR, x[:, ::2, ::2], key=KEY),
    "inpaint": lambda x: gp.tasks.inpaint(PRIOR, x, np.ones((SIDE, SIDE, 1)), key=KEY),
    "denoise": lambda x: gp.tasks.denoise(PRIOR, x, key=KEY),
    "deblur": lambda x: gp.tasks.deblur(PRIOR, x, gp.operators.gaussian_kernel(1.0), key=KEY),
    "project": lambda x: project(PRIOR, x, gp.recipes.mganprior(1, 0, num_steps=1), key=KEY),
    "feature_distances": lambda x: feature_distances(NETWORK, RIGHT, x),
    "fidelity": lambda x: fidelity(RIGHT, x),
    "network": lambda x: NETWORK.features(x[0]),
    "network of many": lambda x: jax.vmap(NETWORK.vector)(x),
    "local_edit": lambda x: gp.editing.local_edit(
        styled(), jax.image.resize(jnp.asarray(x), (2, 64, 64, 3), "nearest"), np.ones((64, 64, 1)), key=KEY
    ),
}
METRICS = {
    "psnr": lambda x: metrics.psnr(x[0], UNIT[0]),
    "psnr, the reference": lambda x: metrics.psnr(UNIT[0], x[0]),
    "psnr of many": lambda x: jax.vmap(metrics.psnr)(x, UNIT),
    "l1": lambda x: metrics.l1(x[0], UNIT[0]),
    "ssim": lambda x: metrics.ssim(UNIT[0], x[0]),
    "ms_ssim": lambda x: metrics.ms_ssim(x[0], UNIT[0]),
    "chroma_error": lambda x: metrics.chroma_error(x[0], UNIT[0]),
    "colorization_auc": lambda x: metrics.colorization_auc(UNIT[0], x[0]),
    "rgb_to_lab": lambda x: metrics.rgb_to_lab(x),
    "sliced_wasserstein": lambda x: metrics.sliced_wasserstein(UNIT, x, KEY),
    "ms_ssim_diversity": lambda x: metrics.ms_ssim_diversity(x, KEY),
    "network_features": lambda x: metrics.network_features(NETWORK, x),
    "fid": lambda x: metrics.fid(NETWORK, UNIT, x),
    "kid": lambda x: metrics.kid(NETWORK, x, UNIT),
    "features_of": lambda x: metrics.features_of(NETWORK, lambda i: x[i], 2),
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_eight_bits_are_refused_where_black_is_minus_one(name):
    for wrong in (BYTES, NUMBERS):
        with pytest.raises(
            ArgumentError, match=r"give floats in \[-1, 1\]; 8-bit pixels become that by x / 127\.5 - 1"
        ):
            SYMMETRIC[name](wrong)


@pytest.mark.parametrize("name", METRICS)
def test_metrics_take_zero_to_one_and_nothing_else(name):
    for wrong in (BYTES, NUMBERS, RIGHT):
        with pytest.raises(ArgumentError, match=r"metrics take floats in \[0, 1\]; .* 8-bit ones by x / 255"):
            METRICS[name](wrong)


def test_right_pixels_pass():
    assert NETWORK.features(RIGHT[0])
    assert feature_distances(NETWORK, RIGHT, RIGHT).shape == (2,)
    for name in ("psnr", "psnr of many", "l1", "ssim", "ms_ssim", "colorization_auc", "rgb_to_lab", "features_of"):
        METRICS[name](UNIT)
    noisy = UNIT + np.random.default_rng(1).normal(0, 0.1, UNIT.shape).astype(np.float32)
    METRICS["psnr"](noisy)  # Noise may lead out of the range, a little.


def test_pale_pixels_of_the_other_range_are_told():
    with pytest.warns(RangeWarning, match=r"many pixels of the image are negative, down to -0\.4"):
        metrics.psnr(RIGHT[0] * 0.4, UNIT[0])


def test_under_jit_the_dtype_is_looked_at():
    with pytest.raises(ArgumentError, match="of dtype uint8: metrics take floats"):
        jax.jit(metrics.psnr)(BYTES[0], UNIT[0])
    jax.jit(metrics.psnr)(RIGHT[0], UNIT[0])
    jax.grad(lambda x: metrics.psnr(x, UNIT[0]))(UNIT[0] * 0.5)
    with pytest.raises(ArgumentError, match="the image from -1 to"):
        jax.grad(lambda x: metrics.psnr(x, UNIT[0]))(RIGHT[0])


def test_objectives_take_floats():
    objective = Objective((Pixel(),))
    with pytest.raises(ArgumentError, match="what was observed of dtype uint8: give floats"):
        objective.targets(Observation(BYTES[0], None))
    targets = objective.targets(Observation(RIGHT[0], None))
    with pytest.raises(ArgumentError, match="the image of dtype uint8"):
        objective(BYTES[0], RIGHT[0], targets, {}, {})


def test_maps_take_floats(tmp_path):
    for function in (im.to_unit, im.from_unit, im.to_uint8):
        with pytest.raises(ArgumentError, match="images of dtype uint8: give floats"):
            function(BYTES)
    with pytest.raises(ArgumentError, match="frames of dtype float32: give 8-bit pixels"):
        save_video(tmp_path / "a.gif", RIGHT, 10)
    assert not (tmp_path / "a.gif").exists()


def test_pixels_of_files_are_trusted():
    bright = UNIT.copy()
    with pytest.warns(RangeWarning, match="black is -1 here"):
        im.check_range(bright)
    with im.trusted_range():
        im.check_range(bright)
        with pytest.raises(ArgumentError):
            im.check_range(BYTES)
