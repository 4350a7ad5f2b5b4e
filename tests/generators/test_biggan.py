"""BigGAN and BigGAN-deep: what their layers are told of code and class. For images see ``tests/converters``."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_params, random_prior

from gprior_jax import editing, recipes, tasks
from gprior_jax.editing.unsupervised import sefa
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.biggan import BigGAN
from gprior_jax.generators.biggan_deep import BigGANDeep
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import LatentDistribution, Prior, astype
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.standing import with_standing_statistics
from gprior_jax.generators.styles import mean_styles, w_statistics
from gprior_jax.generators.synthesis import map_latents, synthesize
from gprior_jax.images.arrays import psnr_of
from gprior_jax.inversion.driver import invert
from gprior_jax.latents import MultiCode

FREE = {name: dataclasses.replace(random_prior(name), label=None) for name in ("biggan", "biggan_deep")}
UNSHARED = BigGAN((8, 6), 8, 3, 0, attention=(), hierarchical=False)
over_both = pytest.mark.parametrize("name", FREE)


def test_every_layer_takes_a_part_of_the_code_and_the_class():
    prior, z = FREE["biggan"], normal(1, 6)
    embedding = np.asarray(prior.params["mapping"]["embedding"])
    styles = map_latents(prior, z, label=2)
    assert (prior.num_styles, prior.w_dim) == (3, 2 + 4)
    np.testing.assert_array_equal(styles[:, :2], z.reshape(3, 2))
    np.testing.assert_allclose(styles[:, 2:], np.tile(embedding[2], (3, 1)), rtol=1e-6)


def test_every_layer_of_the_deep_one_takes_the_whole_code():
    prior, z = FREE["biggan_deep"], normal(1, 8)
    styles = map_latents(prior, z, label=[0.5, 0.0, 0.5])
    embedding = np.asarray(prior.params["mapping"]["embedding"])
    wanted = np.concatenate([z, (embedding[0] + embedding[2]) / 2])
    np.testing.assert_allclose(styles, np.tile(wanted, (3, 1)), rtol=1e-6)


@over_both
def test_the_mean_of_a_class_and_of_all(name):
    prior, embedding = FREE[name], np.asarray(FREE[name].params["mapping"]["embedding"])
    chunk = prior.w_dim - 4
    every = mean_styles(prior)
    np.testing.assert_allclose(every[:, chunk:], np.tile(embedding.mean(0), (3, 1)), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(every[:, :chunk], 0)
    one = mean_styles(with_label(prior, 1))
    np.testing.assert_allclose(one[:, chunk:], np.tile(embedding[1], (3, 1)), rtol=1e-6)
    rows = jnp.eye(3)[jnp.array([[0, 1], [2, 2]])]
    assert mean_styles(prior, rows).shape == (2, 2, 3, prior.w_dim)
    np.testing.assert_array_equal(mean_styles(prior, rows)[0, 1], one)
    drawn = w_statistics(with_label(prior, 1), jax.random.key(0), 4000).mean
    np.testing.assert_allclose(drawn, one, atol=0.08)  # Standard error 0.016 of numbers of deviation 1.


MODULES = {name: prior.module for name, prior in FREE.items()} | {"unshared": UNSHARED}


@pytest.mark.parametrize("name", MODULES)
def test_latent_maps_are_what_styles_are_multiplied_with(name):
    module = MODULES[name]
    prior = Prior(random_params(module, 0), module, name="tiny")
    maps = [np.asarray(each) for each in module.apply({"params": prior.params}, method="latent_maps")]
    assert [each.shape[0] for each in maps] == [prior.w_dim] * prior.num_styles
    run = jax.jit(lambda styles, stop=None: run_layers(prior, None, 0, stop, styles=styles), static_argnums=1)
    styles, step = normal(3, prior.num_styles, prior.w_dim), normal(4, prior.num_styles, prior.w_dim)
    # The first layer is linear.
    moved = np.asarray(run(styles + step, 1) - run(styles, 1)).reshape(-1)
    np.testing.assert_allclose(moved, step[0] @ maps[0], rtol=1e-3, atol=1e-4)
    # What no layer sees, such as the class in the first layer of BigGAN, changes nothing; the rest does.
    seen = np.stack([np.any(each, axis=1) for each in maps])
    assert seen.all() == (name == "biggan_deep")
    np.testing.assert_array_equal(run(np.where(seen, styles, styles + step)), run(styles))
    for layer in range(prior.num_styles):
        own = np.where((np.arange(prior.num_styles) == layer)[:, None] & seen, styles + step, styles)
        assert float(jnp.abs(run(own) - run(styles)).max()) > 1e-3


def test_half_precision():
    prior = FREE["biggan_deep"]
    image = synthesize(astype(prior, "bfloat16"), normal(1, 8), label=1)
    assert image.dtype == jnp.bfloat16
    np.testing.assert_allclose(image.astype(jnp.float32), synthesize(prior, normal(1, 8), label=1), atol=0.1)


@over_both
def test_classes_that_cannot_be(name):
    prior, z = FREE[name], normal(1, 2, FREE[name].z_dim)
    with pytest.raises(ArgumentError, match=rf"label 3: tiny {name} has classes 0 to 2"):
        synthesize(prior, z, label=3)
    with pytest.raises(ArgumentError, match=rf"tiny {name} is conditional: give a label, a class from 0 to 2"):
        synthesize(prior, z)


def test_attributes_that_cannot_be():
    with pytest.raises(ArgumentError, match="z_dim 128 of a hierarchical BigGAN: use a multiple of 6, its layers"):
        BigGAN((96, 96, 48, 24, 12, 6), 128)
    with pytest.raises(ArgumentError, match=r"enlarges \(True,\): say it of each of the 2 blocks"):
        BigGANDeep((8, 8, 4), (True,))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "num_codes"),
    [
        (BigGAN((64, 64, 32), 12, 5, 8, attention=(1,)), 20),
        (BigGANDeep((64, 64, 32, 32), (False, True, True), 12, 5, 8, attention=(2,), num_sets=3), 30),
    ],
    ids=["plain", "deep"],
)
def test_several_codes_recover_images_that_were_composed(module, num_codes):
    """Of other codes, at the same layer; their mean colour alone would explain 19 dB at most."""
    latent = getattr(module, "latent", LatentDistribution())
    free = with_standing_statistics(Prior(random_params(module, 0), module, latent, name="tiny"), jax.random.key(5), 4)
    prior, codes = with_label(free, 1), MultiCode(num_codes, 2)

    def composed(key):
        variables = codes.init(prior, key)
        weights = 1 + 0.5 * jax.random.normal(jax.random.fold_in(key, 7), variables["alpha"].shape)
        return codes.render(prior, variables | {"alpha": variables["alpha"] * weights})

    images = np.asarray(jax.jit(jax.vmap(composed))(jax.random.split(jax.random.key(3), 2)))
    assert (psnr_of(images.var(axis=(1, 2)).mean(axis=-1)) < 19).all()
    recipe = recipes.mganprior(num_codes, 2, num_steps=300, perceptual=None)
    found = invert(prior, images, recipe, key=jax.random.key(0))
    assert (psnr_of(np.square(found.images - images).mean((1, 2, 3))) > 35).all()


BLOCK = BigGAN((8, 6), 4, 3, 4, attention=())
SMALL = with_label(Prior(random_params(BLOCK, 0), BLOCK, name="small"), 1)
KEY, HALF = jax.random.key(0), np.tile(np.arange(8) > 3, (8, 1))[..., None].astype(np.float32)
PIXELS = np.tanh(normal(7, 1, 8, 8, 3))


def of_recipe(call, *inputs):
    """A task's result, of a recipe of two codes and one step."""
    return call(SMALL, *inputs, key=KEY, recipe=recipes.mganprior(2, 1, num_steps=1, perceptual=None)).images


def edited():
    """A code, moved along a direction that SeFa finds."""
    step = editing.step_for(SMALL, [sefa(SMALL, 1)[0].direction])
    target = editing.movable(SMALL, editing.Point("", {"z": normal(1, 4)}), "w")
    return editing.render(SMALL, editing.moved(SMALL, target, [-1.0, 1.0], step), target.parametrization)


def morphed():
    """On the way from one code to another."""
    keys = editing.codes(SMALL, [editing.Point("", {"z": normal(i, 4)}) for i in range(2)])
    return editing.render(SMALL, editing.morph_variables(SMALL, keys, 2))


USES = {
    "colorize": lambda: of_recipe(tasks.colorize, PIXELS.mean(-1, keepdims=True)),
    "upscale": lambda: of_recipe(tasks.upscale, PIXELS[:, ::2, ::2]),
    "inpaint": lambda: of_recipe(tasks.inpaint, PIXELS, HALF),
    "denoise": lambda: of_recipe(tasks.denoise, PIXELS),
    "W+": lambda: invert(SMALL, PIXELS, recipes.latent("w_plus", num_steps=1, perceptual=None), key=KEY).images,
    "tuning": lambda: invert(SMALL, PIXELS, recipes.pti(num_steps=1, perceptual=None), key=KEY).images,
    "edited": edited,
    "morphed": morphed,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", USES)
def test_what_is_there_for_other_priors(name):
    """Tasks, edits and methods of styles know nothing of it."""
    found = np.asarray(USES[name]())
    assert found.shape[1:] == (8, 8, 3)
    assert np.isfinite(found).all()
    assert found.std() > 1e-3
