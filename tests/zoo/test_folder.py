"""Model folders: what is written and read again, and what is said of those that cannot be used."""

import dataclasses
import errno
import json
import shutil

import jax
import numpy as np
import pytest
from encoders.toys import MeanEncoder, toy_encoder
from generators.toys import Classes, Styles, class_images, toy_prior

from gprior_jax import zoo
from gprior_jax.errors import ArgumentError, CheckpointError, OccupiedError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.prior import prepare
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.storage.checkpoint import _orbax
from gprior_jax.zoo import networks
from gprior_jax.zoo.networks import describe
from zoo.networks import MODULES, assert_trees_equal, make_prior, positive_params


def edit_config(folder, **changes):
    path = folder / "config.json"
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written") / "model"
    zoo.save(make_prior(), folder, provenance={"file": "a.pth"})
    return folder


@pytest.fixture
def saved(written, tmp_path):
    """A copy of a prior's folder, to be spoiled."""
    return shutil.copytree(written, tmp_path / "model")


def test_prior_round_trip(written):
    wanted, found = make_prior(), zoo.load(written)
    assert (found.module, found.latent, found.name) == (wanted.module, wanted.latent, "tiny")
    assert found.critic.module == wanted.critic.module
    assert_trees_equal(found, wanted)


def test_folder_is_described(written):
    assert sorted(path.name for path in written.iterdir()) == ["config.json", "params"]
    assert [path.name for path in written.parent.iterdir()] == ["model"]
    config = zoo.read_config(written)
    assert config["format"] == 1
    assert config["kind"] == "prior"
    assert config["provenance"] == {"file": "a.pth"}
    assert config["generator"]["arch"] == "pggan_generator"
    assert config["generator"]["channels"] == [4, 4]
    assert config["critic"]["fused"] is False


@pytest.mark.parametrize("name", MODULES)
def test_every_network_round_trips(tmp_path, name):
    module = MODULES[name]
    zoo.save_network(module, positive_params(module), tmp_path / "net")
    found, params = zoo.load_network(tmp_path / "net")
    assert found == module
    assert_trees_equal(params, positive_params(module))


def test_prepared_weights_are_left_out(tmp_path):
    zoo.save(prepare(make_prior(critic=False)), tmp_path / "model")
    found = zoo.load(tmp_path / "model")
    assert found.weights is None
    assert found.critic is None
    assert_trees_equal(found.params, make_prior().params)


def test_name_of_the_folder_serves_where_there_is_no_name(saved):
    edit_config(saved, name="")
    assert zoo.load(saved).name == "model"


def test_half_precision_on_disk(tmp_path):
    prior = make_prior()
    zoo.save(prior, tmp_path / "model", dtype="float16")
    stored = _orbax().metadata(tmp_path / "model" / "params").metadata
    assert {leaf.dtype for leaf in jax.tree.leaves(stored)} == {np.dtype(np.float16)}
    found = zoo.load(tmp_path / "model")
    assert_trees_equal(found.params, jax.tree.map(lambda leaf: np.float32(np.float16(leaf)), prior.params))


def test_existing_folder(saved):
    with pytest.raises(OccupiedError, match="exists already"):
        zoo.save(make_prior(critic=False), saved)
    assert zoo.load(saved).critic is not None
    zoo.save(make_prior(critic=False), saved, overwrite=True)
    assert zoo.load(saved).critic is None


@pytest.mark.parametrize("existing", [False, True])
def test_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch, existing):
    if existing:
        zoo.save(make_prior(), tmp_path / "model")

    def fail(path, tree):
        path.mkdir()
        (path / "half").write_bytes(b"1234")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("gprior_jax.zoo.folder.save_tree", fail)
        with pytest.raises(OSError, match="No space"):
            zoo.save(make_prior(), tmp_path / "model", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == (["model"] if existing else [])
    assert not existing or zoo.load(tmp_path / "model").name == "tiny"


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir(), lambda p: p.write_text("x")])
def test_not_a_model_folder(tmp_path, make):
    make(tmp_path / "model")
    with pytest.raises(CheckpointError, match=r"model.* is (no|neither a) model folder .*'gprior convert"):
        zoo.load(tmp_path / "model")


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_other_format_versions(saved, version):
    edit_config(saved, format=version)
    with pytest.raises(CheckpointError, match=rf"has format {version!r}; this version reads 1: upgrade"):
        zoo.load(saved)


@pytest.mark.parametrize("role", ["generator", "critic", "encoder"])
def test_networks_that_are_not_known(saved, role):
    edit_config(saved, **{role: {"arch": "biggan"}})
    with pytest.raises(CheckpointError, match="architecture 'biggan' is unknown to this version: it knows pggan_gener"):
        zoo.load(saved)


@pytest.mark.parametrize(
    ("latent", "told"),
    [
        ({"kind": "normal", "sigma": 2}, ".*sigma"),
        ({"kind": "gauss"}, "the distribution of codes is 'gauss': use 'normal', 'uniform' or 'truncated_normal'"),
        ({"kind": "uniform", "low": "a"}, "low must be a finite number, got a"),
        ({"kind": "uniform", "low": 2.0}, r"uniform codes from 2\.0 to 1\.0: low must be below high"),
    ],
)
def test_bad_latent_distribution(saved, latent, told):
    edit_config(saved, latent=latent)
    with pytest.raises(CheckpointError, match=f"bad entry 'latent': {told}"):
        zoo.load(saved)


def test_a_description_that_is_none(saved):
    edit_config(saved, generator=[1])
    with pytest.raises(CheckpointError, match=r"not by \[1\]"):
        zoo.load(saved)


def test_arrays_that_the_description_lacks(saved):
    edit_config(saved, generator=describe(PGGAN((4, 4, 4), z_dim=5)))
    with pytest.raises(CheckpointError, match=r"belongs to another model: missing: generator\.layer4"):
        zoo.load(saved)


def test_missing_params(saved):
    (saved / "params").rename(saved / "aside")
    with pytest.raises(CheckpointError, match="params is missing: the folder is incomplete; convert or train"):
        zoo.load(saved)


@pytest.mark.parametrize("damage", ["deleted", "truncated", "flipped"])
def test_damaged_arrays(saved, damage):
    (data,) = saved.glob("params/state/d/*")
    content = bytearray(data.read_bytes())
    if damage == "deleted":
        data.unlink()
    elif damage == "truncated":
        data.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 0xFF
        data.write_bytes(content)
    told = rf"{saved}/params is damaged: state/d/\w+ is missing or has other content; copy it again"
    with pytest.raises(CheckpointError, match=told):
        zoo.load(saved)


def test_networks_and_priors_are_told_apart(tmp_path, written):
    module, params = zoo.load_network(written)
    assert module == make_prior().critic.module
    assert_trees_equal(params, make_prior().critic.params)
    zoo.save_network(MODULES["vgg16"], positive_params(MODULES["vgg16"]), tmp_path / "vgg")
    with pytest.raises(CheckpointError, match="vgg holds a network, no generator: name the folder of a prior"):
        zoo.load(tmp_path / "vgg")
    zoo.save(make_prior(critic=False), tmp_path / "bare")
    with pytest.raises(CheckpointError, match="without a discriminator"):
        zoo.load_network(tmp_path / "bare")


@pytest.fixture
def known(monkeypatch):
    """Architectures of one's own, made known; they are forgotten again."""
    monkeypatch.setattr(networks, "NETWORKS", dict(networks.NETWORKS))
    for name, kind in {"toy_classes": Classes, "toy_styles": Styles, "toy_encoder": MeanEncoder}.items():
        zoo.register(name, kind)
    return networks.NETWORKS


def test_a_prior_of_an_architecture_of_one_s_own(tmp_path, known):
    prior = toy_prior(Classes(noisy=True), "mine")
    zoo.save(prior, tmp_path / "model")
    assert zoo.read_config(tmp_path / "model")["generator"] == describe(prior.module)
    found = zoo.load(tmp_path / "model")
    assert_trees_equal(found, prior)
    z, rows = np.ones((2, 4), np.float32), np.eye(3, dtype=np.float32)[[2, 0]]
    images = class_images(prior, z, rows)[1]
    np.testing.assert_allclose(synthesize(found, z, label=[2, 0], noise="none"), images, rtol=1e-5, atol=1e-6)
    del known["toy_classes"]
    with pytest.raises(CheckpointError, match="architecture 'toy_classes' is unknown to this version"):
        zoo.load(tmp_path / "model")


def test_provenance_that_is_none(saved):
    """Commands ask it for facts."""
    edit_config(saved, provenance=None)
    assert zoo.inherited(saved) == zoo.read_config(saved)["provenance"] == {}
    edit_config(saved, provenance="the net")
    with pytest.raises(CheckpointError, match="bad entry 'provenance': it is to be an object"):
        zoo.load(saved)


def test_the_class_that_a_prior_is_held_to_is_kept(tmp_path, known):
    held = with_label(toy_prior(Classes(), "mine"), [0.25, 0.0, 0.75])
    zoo.save(held, tmp_path / "model")
    found = zoo.load(tmp_path / "model")
    assert found.num_classes == 0
    np.testing.assert_array_equal(found.label, held.label)
    edit_config(tmp_path / "model", label=[1.0, 0.0])
    with pytest.raises(CheckpointError, match=r"bad entry 'label': .*rows of 3 numbers"):
        zoo.load(tmp_path / "model")


def test_an_architecture_that_is_not_known_is_not_written(tmp_path):
    with pytest.raises(ArgumentError, match=r"Styles is no architecture that model folders can hold: .*zoo.register"):
        zoo.save(toy_prior(Styles()), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_prior_with_an_encoder(tmp_path, known):
    encoder = toy_encoder(space="w_plus", code=(2, 3))
    prior = dataclasses.replace(toy_prior(Styles(), "mine"), encoder=encoder)
    zoo.save(prior, tmp_path / "model")
    config = zoo.read_config(tmp_path / "model")
    assert config["encoder"] == {"arch": "toy_encoder", "code": [2, 3], "space": "w_plus", "side": 4}
    assert "critic" not in config
    found = zoo.load(tmp_path / "model")
    assert found.encoder.module == encoder.module
    assert_trees_equal(found, prior)
    assert found.encoder.summary() == encoder.summary()
    # All three networks of a prior.
    zoo.save(dataclasses.replace(make_prior(), encoder=encoder), tmp_path / "whole")
    assert_trees_equal(zoo.load(tmp_path / "whole"), dataclasses.replace(make_prior(), encoder=encoder))
    del known["toy_encoder"]
    with pytest.raises(CheckpointError, match="architecture 'toy_encoder' is unknown"):
        zoo.load(tmp_path / "model")


def test_an_encoder_alone(tmp_path, known):
    encoder = toy_encoder()
    zoo.save_network(encoder.module, encoder.params, tmp_path / "encoder")
    found, params = zoo.load_network(tmp_path / "encoder")
    assert found == encoder.module
    assert_trees_equal(params, encoder.params)
