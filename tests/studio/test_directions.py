"""Directions: none hides another, and those of a kindred prior are taken."""

import dataclasses
import io
import shutil

import jax
import numpy as np
import pytest
from cli import priors

from gprior_jax import zoo
from gprior_jax.cli.main import main
from gprior_jax.editing import Direction
from gprior_jax.errors import CheckpointError
from gprior_jax.runs.directions_file import about_model, save_direction
from gprior_jax.runs.edits import one_direction
from gprior_jax.runs.lineage import ANCESTORS, TUNED_FROM, ancestors, line_of
from gprior_jax.studio.directions import Directions

UP = Direction(np.random.default_rng(0).normal(size=priors.styled().w_dim), "w", name="up")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Folder of the prior."""
    folder = tmp_path_factory.mktemp("models") / "base"
    zoo.save(priors.styled(), folder)
    return folder


def test_no_direction_hides_another(base, tmp_path):
    """Whichever comes first: what is found has its names for itself."""
    book = Directions(priors.styled(), str(base), tmp_path / "found")
    session = tmp_path / "session"
    session.mkdir()
    assert book.add(session, "sefa_0.npy", _vector(1)).names == ["sefa_0_2"]
    save_direction(session / "directions" / "sefa_1.npz", UP)  # Of an earlier version.
    book.find()
    assert book.add(session, "ganspace_3.npy", _vector(2)).names == ["ganspace_3_2"]
    known = book.known(session)
    assert {known[name].kind for name in ("sefa_0", "sefa_1", "ganspace_3")} == {"sefa", "ganspace"}
    assert {known[f"{name}_2"].kind for name in ("sefa_0", "sefa_1", "ganspace_3")} == {"file"}


def test_a_name_that_a_session_has_is_not_taken_from_it(base, tmp_path):
    """Edits that are kept name it: a direction that the prior has got since is called otherwise there."""
    session, own = tmp_path / "session", tmp_path / "grown"
    session.mkdir()
    shutil.copytree(base, own)
    assert Directions(priors.styled(), str(own), tmp_path / "found").add(session, "smile.npy", _vector(1)).names == [
        "smile"
    ]
    (own / "directions").mkdir()
    save_direction(own / "directions" / "smile.npz", dataclasses.replace(UP, name="smile"))
    book = Directions(priors.styled(), str(own), tmp_path / "found")
    assert book.known()["smile"].kind == "boundary"
    known = book.known(session)
    assert (known["smile"].kind, known["smile_2"].kind) == ("file", "boundary")
    assert known["smile_2"].source == "smile"
    assert book.add(session, "smile.npy", _vector(2)).names == ["smile_3"]
    assert book.known(session)["smile_2"].kind == "boundary"


def _vector(seed):
    buffer = io.BytesIO()
    np.save(buffer, np.random.default_rng(seed).normal(size=(1, priors.styled().w_dim)))
    return buffer.getvalue()


def test_a_direction_of_the_prior_that_another_was_tuned_from(base, tmp_path, capsys):
    """People tune, then edit: the latent space is the same. Of any other prior it means nothing, for commands too."""
    prior = priors.styled()
    tuned = dataclasses.replace(prior, params=jax.tree.map(lambda leaf: 1.001 * leaf, prior.params), critic=None)
    save_direction(tmp_path / "w_up.npz", UP, about_model(prior, "some:prior"))
    for name, line in (("tuned", line_of(prior, str(base))), ("other", [])):
        zoo.save(tuned, tmp_path / name, provenance={ANCESTORS: line})
    zoo.save(tuned, tmp_path / "earlier", provenance={TUNED_FROM: str(base)})
    content = (tmp_path / "w_up.npz").read_bytes()
    for name in ("tuned", "earlier"):
        session, told = tmp_path / "session" / name, list[str]()
        session.mkdir(parents=True)
        one_direction(tuned, str(tmp_path / "w_up.npz"), tell=told.append, model=str(tmp_path / name))
        book = Directions(tuned, str(tmp_path / name), tmp_path / "found")
        assert book.add(session, "w_up.npz", content).remarks == told
        assert told[0].startswith("w_up is a direction of some:prior, which these weights were tuned from")
        assert list(book.known(session)) == ["up"]
    words = ["edit", "seed:1", "--along", str(tmp_path / "w_up.npz"), "--model", str(tmp_path / "other")]
    assert main([*words, "--out", str(tmp_path / "out")]) != 0
    with pytest.raises(CheckpointError, match="has other weights") as error:
        Directions(tuned, str(tmp_path / "other"), tmp_path / "found").add(tmp_path / "session", "w_up.npz", content)
    assert str(error.value) in capsys.readouterr().err.replace(f"{tmp_path}/", "")


def test_a_folder_that_is_called_like_what_it_was_tuned_from(tmp_path):
    zoo.save(priors.styled(), tmp_path / "own", provenance={TUNED_FROM: str(tmp_path / "own")})
    assert ancestors(tmp_path / "own") == []
