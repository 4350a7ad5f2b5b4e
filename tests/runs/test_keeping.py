"""Edits of inpainted pictures: what was known is as in the result, however the filling meets it."""

import numpy as np
import pytest
from cli import priors

from gprior_jax import tasks
from gprior_jax.images.arrays import from_uint8, to_uint8
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.keys import seeded
from gprior_jax.latents import Z
from gprior_jax.objectives import Pixel
from gprior_jax.operators import Luma
from gprior_jax.runs.items import Item
from gprior_jax.runs.keeping import Light, Measured, Way, doubt, measured_of
from gprior_jax.runs.restoration import restored_record

SIDE = 8
RECIPE = Recipe("z", Z(), (Pixel(),), SolverConfig(num_steps=1))


@pytest.fixture(scope="module")
def observed():
    return from_uint8(np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3), np.uint8))


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("blend", ["paste", "feather", "poisson", "none"])
def test_the_picture_of_unmoved_codes_is_the_result(tmp_path, observed, blend, soft):
    known = np.ones((1, SIDE, SIDE, 1), np.float32)
    known[:, 2:5, 3:6] = 0.0
    known[:, 5, 3:6] = 0.4 if soft else 0.0
    found = tasks.inpaint(priors.plain(), observed, known, key=seeded(1), blend=blend, recipe=RECIPE)
    arrays = {"observed": np.where(known[0] > 0, observed[0], 0), "known": known[0]}
    record = restored_record(Item(0, tmp_path / "a.png", "a"), arrays, found, 0, {})
    settings = {"task": "inpaint", "blend": blend}
    measured = measured_of(record, settings)
    if blend == "none":
        assert measured is None
        assert doubt(record._replace(known=None), settings) == ""
        return
    assert measured is not None
    ours = to_uint8(measured.into(found.reconstruction))[0].astype(int)
    # A mask is kept in 255 steps, and what it covers partly in grey levels.
    assert np.abs(ours - to_uint8(record.image)).max() <= (2 if soft else 1 if blend == "poisson" else 0)
    assert "does not say which pixels were known" in doubt(record._replace(known=None), settings)
    assert measured_of(record, {"task": "denoise"}) is None


def measured(seed, holes, blend="paste"):
    known = np.ones((SIDE, SIDE, 1), np.float32)
    known[holes] = 0.0
    photograph = from_uint8(np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8))
    return Measured(np.asarray(photograph) * known, known, blend)


@pytest.mark.parametrize("blend", ["paste", "feather"])
def test_on_the_way_each_result_is_at_its_place(blend):
    drawn = np.random.default_rng(3).uniform(-1, 1, (5, SIDE, SIDE, 3)).astype(np.float32)
    keys = [measured(0, np.s_[:3], blend), None, measured(1, np.s_[:, 2:5], blend)]
    places = [0.0, 0.5, 1.0, 2.0, 2.75]  # The last is nearly back at the first.
    found = Way(keys, places).into(drawn)
    assert keys[0] is not None
    assert keys[2] is not None
    np.testing.assert_allclose(found[0], keys[0].into(drawn[:1])[0], atol=1e-6)
    np.testing.assert_allclose(found[1:3], drawn[1:3], atol=1e-6)
    np.testing.assert_allclose(found[3], keys[2].into(drawn[3:4])[0], atol=1e-6)
    np.testing.assert_allclose(found[4], (keys[0].into(drawn[4:])[0] + drawn[4]) / 2, atol=1e-6)


def test_what_both_know_alike_stays_on_the_way():
    first, second = measured(0, np.s_[:3]), measured(0, np.s_[:, 2:5])
    both = (first.known * second.known)[..., 0] > 0
    drawn = np.zeros((9, SIDE, SIDE, 3), np.float32)
    found = Way((first, second), np.linspace(0, 1, 9)).into(drawn)
    np.testing.assert_allclose(found[:, both], np.broadcast_to(first.observed[both], found[:, both].shape), atol=1e-6)
    assert not found[4][~both].any()
    # Another photograph keeps nothing, not even the pixels that happen to be alike.
    other = measured(1, np.s_[:, 2:5])
    other.observed[7, 7] = first.observed[7, 7]
    assert not Way((first, other), 0.5).into(drawn[:1]).any()


@pytest.mark.parametrize("at", [0.0, 0.3, 0.5, 0.8, 1.0])
def test_a_place_on_the_way_is_kept_as_what_was_known(at):
    """So a file of it is drawn again as it was."""
    drawn = np.random.default_rng(3).uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32)
    for second in (measured(0, np.s_[:, 2:5]), measured(1, np.s_[:, 2:5]), None):
        way = Way.between(measured(0, np.s_[:3]), second, at)
        again = drawn if way.pasted is None else way.pasted.into(drawn)
        np.testing.assert_allclose(again, way.into(drawn), atol=1e-6)


@pytest.mark.parametrize("at", [0.0, 0.2, 0.8])
@pytest.mark.parametrize("blend", ["feather", "poisson"])
def test_a_feathered_place_is_kept_exactly_and_one_by_poisson_where_it_was_known(at, blend):
    drawn = np.random.default_rng(3).uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32)
    way = Way.between(measured(0, np.s_[:3], blend), measured(1, np.s_[:, 2:5], blend), at)
    assert way.pasted is not None
    again, wanted = way.pasted.into(drawn), way.into(drawn)
    seen = np.ones((SIDE, SIDE), bool) if blend == "feather" else way.pasted.known[..., 0] > 0
    np.testing.assert_allclose(again[:, seen], wanted[:, seen], atol=1e-6)
    assert blend == "feather" or np.abs(again - wanted).max() > 0.05


@pytest.mark.parametrize(("at", "part"), [(0.0, 1.0), (0.2, 0.6), (0.5, 0.0), (0.7, 0.4)])
def test_a_light_on_the_way_is_kept_in_part(at, part):
    rng = np.random.default_rng(3)
    drawn = rng.uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32)
    first, second = (Light(np.repeat(rng.uniform(-1, 1, (SIDE, SIDE, 1)), 3, -1).astype(np.float32)) for _ in "ab")
    way = Way.between(first, second, at)
    again = drawn if way.light is None else way.light.into(drawn)
    np.testing.assert_allclose(again, way.into(drawn), atol=1e-6)
    assert (0.0 if way.light is None else way.light.part) == pytest.approx(part)
    alike = Way.between(first, Light(first.observed.copy()), at).light  # Two colourings of one photograph.
    assert alike is not None
    assert alike.part == pytest.approx(1.0)
    # What is kept in part is kept in part of that on the next way.
    assert Way.between(first._replace(part=0.5), None, at).into(drawn) == pytest.approx(
        first._replace(part=0.5 * max(0.0, 1 - 2 * at)).into(drawn), abs=1e-6
    )
    assert Way.between(first, measured(0, np.s_[:3]), 0.9).light is None


def test_a_record_says_how_much_of_its_light_stays(tmp_path, observed):
    found = tasks.colorize(priors.plain(), observed, key=seeded(1), recipe=RECIPE)
    luma = np.asarray(Luma()(observed[0]))
    record = restored_record(Item(0, tmp_path / "a.png", "a"), {"observed": luma}, found, 0, {})
    part = record._replace(known=np.full((SIDE, SIDE, 1), 102, np.uint8))
    for each, wanted in ((record, 1.0), (part, 0.4)):
        kept = measured_of(each, {"task": "colorize"})
        assert isinstance(kept, Light)
        assert kept.part == pytest.approx(wanted)


def test_colours_are_edited_in_the_light_of_the_photograph(tmp_path, observed):
    found = tasks.colorize(priors.plain(), observed, key=seeded(1), recipe=RECIPE)
    luma = np.asarray(Luma()(observed[0]))
    record = restored_record(Item(0, tmp_path / "a.png", "a"), {"observed": luma}, found, 0, {})
    kept = measured_of(record, {"task": "colorize"})
    assert isinstance(kept, Light)
    # The luma is kept in grey levels; a colour that leaves the range is made paler by as much more.
    assert np.abs(to_uint8(kept.into(found.reconstruction))[0].astype(int) - to_uint8(record.image)).max() <= 2
    edited = kept.into(-found.reconstruction)
    np.testing.assert_allclose(np.asarray(Luma()(edited[0])), luma, atol=2 / 255)
    assert np.abs(edited - record.image).max() > 0.1
    # On the way to another colouring of it, too; not to that of another photograph.
    both = Way((kept, Light(kept.observed)), [0.3]).into(-found.reconstruction)
    np.testing.assert_allclose(both, edited, atol=1e-6)
    middle = Way((kept, Light(-kept.observed)), [0.5]).into(0.9 * found.reconstruction)
    np.testing.assert_allclose(middle, np.clip(0.9 * found.reconstruction, -1, 1), atol=1e-6)
