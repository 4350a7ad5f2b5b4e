"""Translators in model folders, one way and both."""

import numpy as np
import pytest
from translation.networks import NETWORKS, params_of, translator

from gprior_jax import zoo
from gprior_jax.errors import ArgumentError, CheckpointError, OccupiedError
from gprior_jax.translation import Translator
from zoo.networks import assert_trees_equal


def test_both_ways_come_back(tmp_path):
    there, back = translator("unet"), translator("resnet")
    zoo.save_translator(there, tmp_path / "model", back=back, provenance={"data": "x"})
    assert_trees_equal(zoo.load_translator(tmp_path / "model"), there)
    found = zoo.load_translator(tmp_path / "model", "BtoA")
    assert found.module == back.module
    np.testing.assert_array_equal(found.params["first"]["kernel"], back.params["first"]["kernel"])
    assert zoo.read_config(tmp_path / "model")["provenance"] == {"data": "x"}
    with pytest.raises(OccupiedError):
        zoo.save_translator(there, tmp_path / "model")


def test_half_the_size(tmp_path):
    zoo.save_translator(translator("resnet"), tmp_path / "model", dtype="float16")
    found = zoo.load_translator(tmp_path / "model").params["last"]["kernel"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, translator("resnet").params["last"]["kernel"], rtol=1e-3)


def test_what_is_no_translator(tmp_path):
    module = NETWORKS["resnet"]
    zoo.save_translator(Translator(params_of(module), module), tmp_path / "alone")
    with pytest.raises(ArgumentError, match="use 'AtoB' or 'BtoA'"):
        zoo.load_translator(tmp_path / "alone", "AtoC")
    with pytest.raises(ArgumentError, match="alone translates from A to B only"):
        zoo.load_translator(tmp_path / "alone", "BtoA")
    with pytest.raises(CheckpointError, match="builtin holds a prior, no translator"):
        zoo.load_translator("builtin")
    with pytest.raises(CheckpointError, match="holds a translator, no generator"):
        zoo.load(tmp_path / "alone")
    with pytest.raises(CheckpointError, match="neither a model folder nor"):
        zoo.load_translator("nothing")
