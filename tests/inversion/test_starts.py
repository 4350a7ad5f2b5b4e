"""Which images start from an encoder that nobody asked for, and that their steps are of the same mind."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_prior
from encoders.several import CODES, LAYER, encoded_prior
from encoders.toys import toy_encoder

from gprior_jax import differentiable, recipes, tasks, zoo
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.driver import Inverter, invert
from gprior_jax.inversion.exporting import export_inversion, load_inversion
from gprior_jax.inversion.starts import Asked, asked_with
from gprior_jax.inversion.stream import Entry, stream
from gprior_jax.latents import ChannelWeights, MeasuredWeights
from gprior_jax.operators import Blur, Identity, Luma, broadcast, gaussian_kernel
from gprior_jax.serving.asked import Asked as AskedOfServer
from gprior_jax.serving.limits import Limits
from gprior_jax.serving.making import Maker, starting
from gprior_jax.studio.making import StudioMaker
from gprior_jax.studio.told import _method as told_method

KEY, STEPS = jax.random.key(0), 3
IMAGES = 0.3 * normal(2, 3, 16, 16, 3)
RECIPE = recipes.mganprior(CODES, LAYER, num_steps=STEPS)
DRAWN = recipes.mganprior(CODES, LAYER, num_steps=STEPS, start="random")
BLUR = Blur(gaussian_kernel(1.0, 5))
HELD = {"codes": jnp.zeros((3, CODES, 8))}

FITS, WITHOUT = {"num_codes": CODES, "layer": LAYER}, None
MANY = {
    "as it is": ({}, Asked(), "codes"),
    "one sample": ({}, asked_with(1, broadcast(Identity(), 3)), "codes"),
    "several samples": ({}, Asked(samples=2), WITHOUT),
    "restarts": ({"restarts": 2}, Asked(), WITHOUT),
    "blurred": ({}, asked_with(None, BLUR), "codes"),
    "blurred, several samples": ({}, asked_with(2, BLUR), WITHOUT),
    "through an operator": ({}, asked_with(None, Luma()), WITHOUT),
    "from variables": ({}, asked_with(None, None, HELD), WITHOUT),
    "other codes": ({"num_codes": CODES - 1}, Asked(), WITHOUT),
    "another layer": ({"layer": LAYER - 1}, Asked(), WITHOUT),
    "the published preset": ({"preset": "official"}, Asked(), WITHOUT),
    "random codes": ({"start": "random"}, Asked(), WITHOUT),
    "codes that move": ({"free_codes": True}, Asked(), WITHOUT),
}
"""Arguments of ``mganprior``, what is asked for, and the codes that images start from."""


@pytest.fixture(scope="module")
def prior():
    """With an encoder of one code as well, from which several codes start only where that is asked for."""
    own = encoded_prior()
    return dataclasses.replace(own, encoder=toy_encoder(space="z", code=(own.z_dim,), side=own.resolution))


@pytest.mark.parametrize(("arguments", "asked", "start"), MANY.values(), ids=MANY)
def test_several_codes(prior, arguments, asked, start):
    recipe = recipes.mganprior(**FITS | arguments, perceptual=None)
    found = Inverter(prior, recipe).starting(asked)
    (problem,), fitted = found._problems, recipe.fit(prior, asked)
    for encoder, coordinates in ((problem.encoder, problem.coordinates), (fitted.encoder, fitted.coordinates)):
        assert (encoder and encoder.module.space) == start
        measures = encoder is not None and coordinates.preconditioner(encoder) is not None
        assert measures == (start == "codes")
    assert found.recipe.encoder is fitted.encoder
    assert isinstance(fitted.coordinates, MeasuredWeights) == (start == "codes")
    if arguments.get("preset") != "official" and not arguments.get("free_codes"):
        assert isinstance(fitted.coordinates, ChannelWeights)
    assert ("encoder" in fitted.summary()) == (start == "codes")


STYLES = {
    "as they are": ({}, Asked(), "w_plus"),
    "from variables": ({}, Asked(are_given=True), "w_plus"),
    "through an operator": ({}, asked_with(None, Luma()), WITHOUT),
    "blurred": ({}, asked_with(None, BLUR), WITHOUT),
    "the published preset": ({"preset": "official"}, Asked(), WITHOUT),
    "the mean": ({"start": "mean"}, Asked(), WITHOUT),
    "random styles": ({"start": "random"}, Asked(), WITHOUT),
}


@pytest.mark.parametrize(("arguments", "asked", "start"), STYLES.values(), ids=STYLES)
def test_styles(arguments, asked, start):
    styled = random_prior("stylegan2_residual")
    shape = (styled.num_styles, styled.w_dim)
    own = dataclasses.replace(styled, encoder=toy_encoder(space="w_plus", code=shape, side=styled.resolution))
    inverter = Inverter(own, recipes.latent("w_plus", **arguments, perceptual=None)).starting(asked)
    (problem,) = inverter._problems
    assert (problem.encoder and problem.encoder.module.space) == start
    assert (inverter.recipe.encoder is None) == (start is None)


@pytest.mark.parametrize("method", ["mganprior", "z"])
@pytest.mark.parametrize("name", ["one code", "none"])
def test_an_encoder_of_one_code_is_for_those_that_ask(prior, method, name):
    own = dataclasses.replace(prior, multi_encoder=None, encoder=prior.encoder if name == "one code" else None)
    assert recipes.METHODS[method].recipe(perceptual=None).fit(own).encoder is None


def same(found, wanted):
    np.testing.assert_allclose(found.history["loss"], wanted.history["loss"], rtol=1e-4)
    np.testing.assert_allclose(found.images, wanted.images, atol=1e-3)


def test_an_inversion_starts_there(prior):
    found = invert(prior, IMAGES, RECIPE, key=KEY)
    same(found, invert(prior, IMAGES, RECIPE.from_encoder(), key=KEY))
    np.testing.assert_array_equal(found.variables["codes"][1], prior.multi_encoder.params["codes"])
    same(invert(prior, IMAGES, RECIPE, key=jax.random.key(7)), found)  # Nothing is drawn.


@pytest.mark.parametrize("way", ["samples", "operator", "init"])
def test_or_without_it_as_if_there_were_none(prior, way):
    """One inverter takes both: what it is asked for decides, not what it was asked for first."""
    gray, operator = np.asarray(jax.vmap(Luma())(IMAGES)), broadcast(Luma(), 3)
    drawn = invert(prior, IMAGES, DRAWN, key=jax.random.key(3))
    images, more = {
        "samples": (IMAGES, {"samples": 2}),
        "operator": (gray, {"operator": operator}),
        "init": (IMAGES, {"init": {"codes": drawn.variables["codes"], "alpha": drawn.variables["alpha"]}}),
    }[way]
    inverter = Inverter(prior, RECIPE)
    first = inverter.invert(IMAGES, key=KEY)
    found = inverter.invert(images, key=KEY, **more)
    same(found, invert(prior, images, DRAWN, key=KEY, **more))
    if way == "samples":
        assert (np.abs(found.images[:, 0] - found.images[:, 1]).max(axis=(1, 2, 3)) > 1e-3).all()
    same(inverter.invert(IMAGES, key=KEY), first)


@pytest.mark.parametrize("way", ["as they are", "samples", "operator"])
def test_a_stream_gives_the_same(prior, way):
    samples, operator = 2 if way == "samples" else None, Luma() if way == "operator" else None
    images = np.asarray(jax.vmap(Luma())(IMAGES)) if operator else IMAGES
    entries = (Entry(i, i, image, operator) for i, image in enumerate(images))
    found = dict(stream(Inverter(prior, RECIPE), entries, key=KEY, slots=2, samples=samples))
    through = None if operator is None else broadcast(operator, 3)
    wanted = invert(prior, images, RECIPE, key=KEY, samples=samples, operator=through)
    for i in range(3):
        np.testing.assert_allclose(found[i].history["loss"], wanted.history["loss"][i], rtol=1e-3)


def test_images_of_a_stream_start_alike(prior):
    given = {"codes": jnp.zeros((CODES, prior.z_dim))}
    entries = [Entry(0, 0, IMAGES[0]), Entry(1, 1, IMAGES[1], init=given)]
    for order in (entries, entries[::-1]):
        with pytest.raises(ArgumentError, match="images of a stream start alike: give an operator, and init, for all"):
            list(stream(Inverter(prior, RECIPE), iter(order), key=KEY, slots=2))


def test_later_stages_start_where_the_earlier_ended(prior):
    both = dataclasses.replace(DRAWN, then=RECIPE)
    assert [stage.encoder for stage in both.fit(prior).stages] == [None, None]
    first, second = (dataclasses.replace(RECIPE, then=DRAWN), dataclasses.replace(RECIPE, then=RECIPE))
    for recipe in (first, second):
        kept, lost = (Inverter(prior, recipe).starting(asked) for asked in (Asked(), Asked(samples=2)))
        assert [problem.encoder is None for problem in kept._problems] == [False, True]
        assert [problem.encoder is None for problem in lost._problems] == [True, True]
        assert [stage.encoder is None for stage in lost.recipe.stages] == [True, True]
        assert not any(isinstance(stage.coordinates, MeasuredWeights) for stage in lost.recipe.stages)


def test_a_derivative_is_of_a_search_from_any_variables(prior):
    made = differentiable.inversion(prior, RECIPE)
    assert made.problem.encoder is None
    assert made.problem.coordinates == ChannelWeights()


@pytest.mark.slow
def test_an_exported_program_starts_there(prior):
    pytest.importorskip("flatbuffers")
    found = load_inversion(export_inversion(prior, RECIPE, 3))(KEY, IMAGES)
    np.testing.assert_allclose(found["loss"], invert(prior, IMAGES, RECIPE, key=KEY).loss, rtol=1e-4)


def test_several_codes_have_one_start_beside_it():
    for make in (recipes.mganprior, lambda **more: recipes.restoration("inpaint", encoded_prior(), **more)):
        with pytest.raises(ArgumentError, match="start='mean': several codes start from 'random' ones"):
            make(start="mean")
        assert make(start="random").encoder is None


@pytest.mark.parametrize("space", ["z", "w_plus"])
def test_answers_that_would_be_the_same_are_refused(prior, space):
    """One code has nothing that is drawn beside it; several around one have, and free noise is."""
    own, recipe = prior, recipes.latent(space, num_steps=1, perceptual=None).from_encoder()
    if space == "w_plus":
        styled = random_prior("stylegan2_residual")
        shape = (styled.num_styles, styled.w_dim)
        own = dataclasses.replace(styled, encoder=toy_encoder(space=space, code=shape, side=styled.resolution))
    images = 0.3 * normal(2, 1, *own.image_shape)
    told = "2 samples or restarts that start from an encoder are all the same: use one, or start without the encoder"
    for made, samples in ((recipe, 2), (dataclasses.replace(recipe, restarts=2), None)):
        with pytest.raises(ArgumentError, match=told):
            invert(own, images, made, key=KEY, samples=samples)
    differing = [recipes.mganprior(3, 2, num_steps=3).from_encoder()] if space == "z" else []
    differing += [recipes.projector(num_steps=3, perceptual=None).from_encoder()] if space == "w_plus" else []
    for made in differing:
        found = invert(own, images, made, key=KEY, samples=2)
        assert np.abs(found.images[0, 0] - found.images[0, 1]).max() > 1e-4


def test_so_are_those_from_the_mean():
    styled = random_prior("stylegan2_residual")
    images = 0.3 * normal(2, 1, *styled.image_shape)
    told = (
        "2 samples or restarts that start from one point, such as the mean of w, are all the same: use one, or start at"
    )
    for space, start in (("w_plus", "mean"), ("w", None)):
        recipe = recipes.latent(space, start=start, num_steps=1, perceptual=None)
        for made, samples in ((recipe, 2), (dataclasses.replace(recipe, restarts=2), None)):
            with pytest.raises(ArgumentError, match=told):
                invert(styled, images, made, key=KEY, samples=samples)
        drawn = recipes.latent(space, start="random", num_steps=1, perceptual=None)
        found = invert(styled, images, drawn, key=KEY, samples=2)
        assert np.abs(found.images[0, 0] - found.images[0, 1]).max() > 1e-4


SHARPENED = tasks.deblurring(gaussian_kernel(1.0, 5))
RESTORED = {
    "deblur": (SHARPENED, {}, 1, "codes"),
    "deblur, several samples": (SHARPENED, {}, 2, WITHOUT),
    "deblur, random": (SHARPENED, {"start": "random"}, 1, WITHOUT),
    "deblur, other codes": (SHARPENED, {"num_codes": CODES + 1}, 1, WITHOUT),
    "deblur, outliers": (SHARPENED, {"distance": "huber"}, 1, WITHOUT),
    "deblur, published": (SHARPENED, {"preset": "official"}, 1, WITHOUT),
    "denoise": (tasks.denoising("gaussian", 25.0), {}, 1, WITHOUT),
    "inpaint": (tasks.inpainting(), {}, 1, WITHOUT),
    "upscale": (tasks.upscaling(2), {}, 1, WITHOUT),
    "colorize": (tasks.COLORIZE, {}, 1, WITHOUT),
}
"""Tasks, arguments of their recipes, samples, and what images start from."""


@pytest.mark.parametrize(("task", "arguments", "samples", "start"), RESTORED.values(), ids=RESTORED)
def test_restorations(prior, task, arguments, samples, start):
    """What a task tells of itself, as a run's settings do, is what its operator decides."""
    more = {"num_codes": CODES, "layer": LAYER, "perceptual": None} | arguments
    recipe = recipes.restoration(task.name, prior, **more)
    arrays = {"observed": np.zeros((2, 8 if task.name == "upscale" else 16, 16, 3)), "known": np.ones((2, 16, 16, 1))}
    found = Inverter(prior, recipe).starting(asked_with(samples, task.operator(arrays)))
    for fitted in (found.recipe, recipe.fit(prior, task.asked(samples))):
        assert (fitted.encoder and fitted.encoder.module.space) == start


def test_a_server_and_the_studio_start_there():
    builtin = zoo.load("builtin")
    encoder, fingerprints = builtin.multi_encoder, set()
    for kind in (Maker, StudioMaker):
        maker = kind(builtin, KEY, Limits(), devices=1)
        for start, wanted in (("auto", encoder), ("encoder", encoder), ("random", None)):
            asked = AskedOfServer(start=start)
            assert maker.recipe(asked).fit(builtin).encoder is wanted
            plan = maker.plan((asked, builtin.image_shape))
            assert plan.inverter.recipe.encoder is wanted
            fingerprints.add(plan.fingerprint)
        for several in (AskedOfServer(task="deblur", samples=2), AskedOfServer(task="inpaint")):
            assert maker.recipe(several).fit(builtin, starting(several)).encoder is None
        blurred = AskedOfServer(task="deblur")
        assert maker.recipe(blurred).fit(builtin, starting(blurred)).encoder is encoder
    assert len(fingerprints) == 2


def test_the_page_offers_it_where_the_prior_has_such_an_encoder():
    builtin = zoo.load("builtin")
    for prior, starts in ((builtin, ["encoder", "random"]), (builtin.replace(multi_encoder=None), [])):
        told = told_method(StudioMaker(prior, KEY, Limits()), "mganprior")
        assert ("start" in told["options"], told["starts"]) == (bool(starts), starts)
