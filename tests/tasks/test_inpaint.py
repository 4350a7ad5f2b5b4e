import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax import operators, tasks
from gprior_jax.errors import GPriorWarning
from gprior_jax.images import arrays as im
from gprior_jax.objectives import Objective, Observation
from gprior_jax.operators import as_masks
from tasks.solved import COUNT, KEY, MASKS, PRIOR, SIDE, images, one, recipe, several


def inpaint(pixels, known=MASKS, **options):
    return tasks.inpaint(PRIOR, pixels, known, key=KEY, recipe=recipe("inpaint"), **options)


@pytest.mark.parametrize("anything", [0.77, np.nan, 255.0])
def test_what_is_in_the_holes_is_ignored(anything):
    found = inpaint(np.where(MASKS > 0, images(), np.float32(anything)))
    np.testing.assert_array_equal(found.images, one("inpaint").images)
    known = np.broadcast_to(MASKS > 0, found.images.shape)
    np.testing.assert_array_equal(found.images[known], images()[known])


def test_paste_returns_the_files_known_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, SIDE, SIDE, 3), np.uint8)
    found = inpaint(im.from_uint8(pixels))
    known = np.broadcast_to(MASKS > 0, pixels.shape)
    np.testing.assert_array_equal(im.to_uint8(found.images)[known], pixels[known])
    assert np.isinf(found.consistency).all()


def test_another_blend_leaves_the_reconstruction():
    found = inpaint(images(), blend="none")
    np.testing.assert_array_equal(found.images, np.clip(found.reconstruction, -1, 1))
    np.testing.assert_array_equal(found.reconstruction, one("inpaint").reconstruction)


def test_one_mask_for_all():
    one, each = inpaint(images(), MASKS[0]), inpaint(images(), np.repeat(MASKS[:1], COUNT, axis=0))
    np.testing.assert_array_equal(one.images, each.images)


def test_different_masks_are_one_compilation():
    inpaint(images())
    compiled = []

    def listener(event, duration, **details):
        if "backend_compile" in event:
            compiled.append(details)

    known = np.stack([np.asarray(operators.box_mask(SIDE, box)) for box in (3, (1, 2, 3, 4), 6)])
    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        inpaint(images(), known)
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)
    assert not compiled


def test_alone_under_its_id_as_in_company():
    alone = inpaint(images()[1:2], MASKS[1:2], ids=[1], samples=COUNT)
    np.testing.assert_array_equal(alone.samples[0], several("inpaint").samples[1])


def test_a_hole_does_not_count():
    # Two images that differ in the hole only have the same loss.
    objective = Objective(recipe("inpaint").fit(PRIOR).terms)
    assert [term.name for term in objective.terms] == ["pixel_mse", "perceptual"]
    known = jnp.asarray(MASKS[1])
    operator = operators.Mask(known)

    @jax.jit
    def loss(image):
        targets = objective.targets(Observation(operator(images()[0]), operator))
        return objective(image, operator(image), targets, {}, {})[0]

    losses = [float(loss(image)) for image in (images()[1], np.where(MASKS[1] > 0, images()[1], np.float32(1)))]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert losses[0] > 0.1


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (MASKS[:, :4], r"masks of shape \(3, 4, 8, 1\) for images of 8x8: give \[3, 8, 8, 1\]"),
        (MASKS * 1.5, r"mask 0 leaves the range of 0 \(missing\) to 1 \(known\)"),
        (MASKS - 0.5, "mask 0 leaves the range"),
        (MASKS * np.nan, "mask 0 leaves the range"),
        (np.stack([MASKS[0], 0 * MASKS[0], MASKS[0]]), "mask 1 hides every pixel"),
    ],
)
def test_masks_that_are_none(known, told):
    with pytest.raises(ValueError, match=told):
        tasks.inpaint(PRIOR, images(), known, key=KEY)


def test_a_soft_mask_mixes_what_is_known_to_a_part():
    soft = MASKS * np.float32(0.25)
    found, plain = (inpaint(images(), soft, blend=blend) for blend in ("paste", "none"))
    np.testing.assert_allclose(found.images, soft * images() + (1 - soft) * plain.images, atol=1e-6)


def test_unknown_blends_are_refused():
    with pytest.raises(ValueError, match="blend 'mix': use paste, feather, poisson, none"):
        inpaint(images(), blend="mix")


def test_masks_of_many_forms_are_one_for_every_image():
    for masks in (MASKS, MASKS > 0, MASKS.astype(np.int32), jnp.asarray(MASKS)):
        found = as_masks(masks, (COUNT, SIDE, SIDE))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, MASKS)
    np.testing.assert_array_equal(as_masks(MASKS[1], (4, SIDE, SIDE)), np.repeat(MASKS[1:2], 4, axis=0))
    nothing = np.zeros((SIDE, SIDE, 1))
    np.testing.assert_array_equal(as_masks(nothing, (2, SIDE, SIDE), some_known=False), np.zeros((2, SIDE, SIDE, 1)))
    for wrong in (MASKS[0, ..., 0], MASKS[:2], np.repeat(MASKS, 3, axis=-1)):
        with pytest.raises(ValueError, match="masks of shape"):
            as_masks(wrong, (COUNT, SIDE, SIDE))


def test_masks_the_other_way_round_are_doubted():
    hole = np.asarray(operators.box_mask(SIDE, 4))
    with pytest.warns(GPriorWarning, match=r"^2 of 3 masks look inverted \(of the first 75% is missing, and what is"):
        inpaint(images(), np.stack([hole, 1 - hole, 1 - hole]))
