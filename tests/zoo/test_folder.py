import errno
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax import zoo
from gprior_jax.discriminators.dcgan import DCGANDiscriminator
from gprior_jax.discriminators.dcgan import example_layers as discriminator_layers
from gprior_jax.discriminators.pggan import PGGANDiscriminator
from gprior_jax.discriminators.stylegan2 import StyleGAN2Discriminator
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.base import Critic, LatentDistribution, Prior, prepare
from gprior_jax.generators.dcgan import DCGAN, example_layers
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.stylegan import StyleGAN
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.nn.stack import StackLayer
from gprior_jax.perceptual.alexnet import AlexNet
from gprior_jax.perceptual.lpips import LPIPSNetwork
from gprior_jax.perceptual.vgg import VGG16
from gprior_jax.storage.checkpoint import _orbax
from gprior_jax.zoo.networks import NETWORKS, abstract_params, build, describe

MODULES = {
    "pggan": PGGAN((4, 4), z_dim=5, final_tanh=True),
    "pggan_discriminator": PGGANDiscriminator((4, 4), dense_features=6, group_size=2, fused=False),
    "dcgan": DCGAN(example_layers(2, resolution=16), z_dim=5),
    "dcgan_described": DCGAN(
        (
            StackLayer("dense", 3, size=4, bias=True, then=("batch_norm_units", "leaky_relu"), slope=0.1),
            StackLayer("conv_transpose", 3, 3, 2, 1, output_padding=1, then=("sigmoid",), epsilon=1e-3),
        ),
        z_dim=4,
    ),
    "dcgan_discriminator": DCGANDiscriminator(discriminator_layers(2, resolution=16), resolution=16),
    "vgg16": VGG16(depth=1),
    "alexnet": AlexNet(),
    "lpips": LPIPSNetwork("alexnet"),
    "stylegan": StyleGAN((4, 4), 5, 4, 2, w_per_layer=True, norm_epsilon=1e-5),
    "stylegan2": StyleGAN2((4, 4), 5, 4, 2, num_classes=3, architecture="residual", clamp=256.0),
    "stylegan2_discriminator": StyleGAN2Discriminator((4, 4), num_classes=3, group_size=2),
}


def random_params(module, seed=0):
    """Positive random weights (variances are among them) of a network, without compiling its initialisers."""
    rng = np.random.default_rng(seed)
    shapes = abstract_params(module)
    return jax.tree.map(lambda leaf: rng.uniform(0.1, 1, leaf.shape).astype(np.float32), shapes)


def make_prior(critic=True):
    module, judge = MODULES["pggan"], MODULES["pggan_discriminator"]
    stored = Critic(random_params(judge, 1), judge) if critic else None
    return Prior(
        random_params(module), module, latent=LatentDistribution("uniform", -2.0, 3.0), critic=stored, name="tiny"
    )


def assert_trees_equal(found, wanted, dtype=np.float32):
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert a.dtype == dtype
        np.testing.assert_array_equal(a, b)


def edit_config(folder, **changes):
    path = folder / "config.json"
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


@pytest.fixture
def saved(tmp_path):
    zoo.save(make_prior(), tmp_path / "model", provenance={"file": "a.pth"})
    return tmp_path / "model"


def test_prior_round_trip(saved):
    wanted, found = make_prior(), zoo.load(saved)
    assert found.module == wanted.module
    assert found.latent == wanted.latent
    assert found.name == "tiny"
    assert found.critic.module == wanted.critic.module
    assert_trees_equal(found.params, wanted.params)
    assert_trees_equal(found.critic.params, wanted.critic.params)
    z = jnp.linspace(-1, 1, 5)[None]
    np.testing.assert_array_equal(synthesize(found, z), synthesize(wanted, z))


def test_folder_is_described(saved):
    assert sorted(path.name for path in saved.iterdir()) == ["config.json", "params"]
    assert [path.name for path in saved.parent.iterdir()] == ["model"]
    config = zoo.read_config(saved)
    assert config["format"] == 1
    assert config["kind"] == "prior"
    assert config["provenance"] == {"file": "a.pth"}
    assert config["generator"]["arch"] == "pggan_generator"
    assert config["generator"]["channels"] == [4, 4]
    assert config["critic"]["fused"] is False


@pytest.mark.parametrize("name", MODULES)
def test_every_network_round_trips(tmp_path, name):
    module = MODULES[name]
    assert build(json.loads(json.dumps(describe(module)))) == module
    zoo.save_network(module, random_params(module), tmp_path / "net")
    found, params = zoo.load_network(tmp_path / "net")
    assert found == module
    assert hash(found) == hash(module)
    assert_trees_equal(params, random_params(module))


def test_every_architecture_is_tested():
    assert {type(module) for module in MODULES.values()} == set(NETWORKS.values())


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
    with pytest.raises(FileExistsError, match="exists already"):
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


@pytest.mark.parametrize(
    ("description", "told"),
    [
        ({"arch": "biggan"}, "architecture 'biggan' is unknown to this version: it knows pggan_generator, "),
        ({}, "architecture None is unknown"),
        ({"arch": "pggan_generator", "channels": [4, 4], "width": 3}, "pggan_generator has no attribute width"),
        ({"arch": "pggan_generator"}, "pggan_generator cannot be built"),
        ({"arch": "dcgan_generator", "layers": [{"op": "pool", "features": 3}]}, "op 'pool'"),
        ({"arch": "dcgan_generator", "layers": [{"op": "conv", "width": 3}]}, "unexpected keyword argument 'width'"),
    ],
)
def test_descriptions_that_cannot_be_built(saved, description, told):
    edit_config(saved, generator=description)
    with pytest.raises(CheckpointError) as caught:
        zoo.load(saved)
    assert told in str(caught.value)


def test_bad_latent_distribution(saved):
    edit_config(saved, latent={"kind": "normal", "sigma": 2})
    with pytest.raises(CheckpointError, match=r"bad entry 'latent': .*sigma"):
        zoo.load(saved)


def test_arrays_that_the_description_lacks(saved):
    edit_config(saved, generator=describe(PGGAN((4, 4, 4), z_dim=5)))
    with pytest.raises(CheckpointError, match=r"belongs to another model: missing: generator\.layer4"):
        zoo.load(saved)


def test_missing_params(saved):
    (saved / "params").rename(saved / "aside")
    with pytest.raises(CheckpointError, match="params is missing: the folder is incomplete; convert or train"):
        zoo.load(saved)


# Readers that Orbax abandons after the first error.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
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
    with pytest.raises(CheckpointError, match="params is damaged or belongs to another model") as caught:
        zoo.load(saved)
    assert str(saved) in str(caught.value)


def test_networks_and_priors_are_told_apart(tmp_path, saved):
    module, params = zoo.load_network(saved)
    assert module == make_prior().critic.module
    assert_trees_equal(params, make_prior().critic.params)
    zoo.save_network(MODULES["vgg16"], random_params(MODULES["vgg16"]), tmp_path / "vgg")
    with pytest.raises(CheckpointError, match=r"vgg holds a network, no generator: .*--perceptual only"):
        zoo.load(tmp_path / "vgg")
    zoo.save(make_prior(critic=False), tmp_path / "bare")
    with pytest.raises(CheckpointError, match="without a discriminator"):
        zoo.load_network(tmp_path / "bare")
