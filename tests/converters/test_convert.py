import functools
import re

import numpy as np
import pytest
import torch
from gprior_converters import convert, layouts, pggan
from gprior_converters.convert import convert_file

from converters.converting import recognised
from gprior_jax import zoo
from gprior_jax._version import __version__
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.pggan import PGGAN, published_channels
from gprior_jax.storage.atomic import sha256
from gprior_jax.zoo.networks import abstract_params


class Shape:
    """Stands for a tensor of which only the shape is looked at."""

    def __init__(self, *shape):
        self.shape = shape


def pggan_shapes(channels, z_dim=512, spelling="old"):
    """Shapes under the published keys."""
    weight, bias = (".conv.weight", ".wscale.bias") if spelling == "old" else (".weight", ".bias")
    found, before = {"lod": ()}, z_dim
    for block, width in enumerate(channels):
        found[f"layer{2 * block}{weight}"] = (width, before, *((4, 4) if block == 0 else (3, 3)))
        found[f"layer{2 * block}{bias}"] = (width,)
        found[f"layer{2 * block + 1}{weight}"] = (width, width, 3, 3)
        found[f"layer{2 * block + 1}{bias}"] = (width,)
        found[f"output{block}{weight}"], found[f"output{block}{bias}"] = (3, width, 1, 1), (3,)
        before = width
    return found


def save_pggan(path, seed=0, channels=(4, 4), z_dim=5, **extra):
    rng = np.random.default_rng(seed)
    shapes = pggan_shapes(channels, z_dim)
    state = {key: torch.from_numpy(rng.standard_normal(shape, np.float32)) for key, shape in shapes.items() if shape}
    torch.save(state | extra, path)
    return path


DCGAN_G = {
    "main.0.weight": (100, 512, 4, 4), "main.3.weight": (512, 256, 4, 4), "main.6.weight": (256, 128, 4, 4),
    "main.9.weight": (128, 64, 4, 4), "main.12.weight": (64, 3, 4, 4),
    **{f"main.{i}.running_mean": (width,) for i, width in ((1, 512), (4, 256), (7, 128), (10, 64))},
}  # fmt: skip
DCGAN_D = {
    "main.0.weight": (64, 3, 4, 4), "main.2.weight": (128, 64, 4, 4), "main.5.weight": (256, 128, 4, 4),
    "main.8.weight": (512, 256, 4, 4), "main.11.weight": (1, 512, 4, 4),
    **{f"main.{i}.running_mean": (width,) for i, width in ((3, 128), (6, 256), (9, 512))},
}  # fmt: skip
PGGAN_D = {"input0.weight": (16, 3, 1, 1), "layer0.weight": (16, 16, 3, 3), "layer17.weight": (512, 8192)}
RECOGNISED = {
    "PGGAN 256": (pggan_shapes(published_channels(256)), "pggan_generator"),
    "PGGAN 1024": (pggan_shapes(published_channels(1024)), "pggan_generator"),
    "PGGAN 1024, new keys": (pggan_shapes(published_channels(1024), spelling="new"), "pggan_generator"),
    "PGGAN discriminator": (PGGAN_D, "pggan_discriminator"),
    "DCGAN netG": (DCGAN_G, "dcgan_generator"),
    "DCGAN netD": (DCGAN_D, "dcgan_discriminator"),
    "VGG-16": ({"features.0.weight": (64, 3, 3, 3), "features.2.weight": (64, 64, 3, 3)}, "vgg16"),
    "VGG-16, bare": ({"0.weight": (64, 3, 3, 3), "2.weight": (64, 64, 3, 3)}, "vgg16"),
}


@pytest.mark.parametrize("case", RECOGNISED)
def test_each_layout_is_recognised_and_no_other(case):
    shapes, wanted = RECOGNISED[case]
    assert recognised(shapes) == [wanted]
    assert convert.recognise({key: Shape(*shape) for key, shape in shapes.items()}, "f.pth") == wanted


RESNET = {"conv1.weight": (64, 3, 7, 7), "bn1.weight": (64,), "bn1.running_mean": (64,), "fc.weight": (1000, 512)}
OTHERS = {
    "ResNet": RESNET,
    "StyleGAN2": {"mapping.fc0.weight": (512, 512), "synthesis.b4.const": (512, 4, 4)},
    "VGG-19 with batch norm": {"features.0.weight": (64, 3, 3, 3), "features.3.weight": (64, 64, 3, 3)},
    "DCGAN with a dense layer": DCGAN_G | {"fc.weight": (10, 10)},
    "DCGAN without norms": {key: shape for key, shape in DCGAN_G.items() if "running" not in key},
    "U-Net": {f"down{i}.weight": (64, 64, 4, 4) for i in range(4)},
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_networks_are_not_recognised(case):
    state = {key: Shape(*shape) for key, shape in OTHERS[case].items()}
    with pytest.raises(CheckpointError, match=r"f.pth is of no known layout .*describe another network with --arch"):
        convert.recognise(state, "f.pth")


def test_file_of_another_network(tmp_path):
    torch.save({key: torch.zeros(shape) for key, shape in RESNET.items()}, tmp_path / "resnet.pth")
    with pytest.raises(CheckpointError) as caught:
        convert_file(tmp_path / "resnet.pth", tmp_path / "model")
    message = str(caught.value)
    assert message.startswith(
        f"{tmp_path / 'resnet.pth'} is of no known layout (its first tensors are conv1.weight [64, 3"
    )
    assert "nothing was written" in message
    for layout in convert.LAYOUTS.values():
        assert layout.title in message
    assert [path.name for path in tmp_path.iterdir()] == ["resnet.pth"]


wanted_params = functools.cache(abstract_params)


@pytest.mark.parametrize("resolution", [256, 1024])
@pytest.mark.parametrize("z_dim", [512, 64])
@pytest.mark.parametrize("spelling", ["old", "new"])
def test_resolution_widths_and_latent_size_are_inferred(monkeypatch, resolution, z_dim, spelling):
    shapes = pggan_shapes(published_channels(resolution), z_dim, spelling)
    # Strides of zero: no memory behind 23 million numbers; the copies that a conversion makes are left out.
    state = {key: np.broadcast_to(np.float32(0), shape) for key, shape in shapes.items()}
    monkeypatch.setattr(np, "ascontiguousarray", lambda array: array)
    module, params, left_out = pggan.convert_generator(state, "g.pth", {})
    assert module == PGGAN(published_channels(resolution), z_dim=z_dim)
    assert module.resolution == resolution
    assert left_out == ("lod",)
    wanted = wanted_params(module)
    assert {name: {k: v.shape for k, v in leaves.items()} for name, leaves in params.items()} == {
        name: {k: v.shape for k, v in leaves.items()} for name, leaves in wanted.items()
    }


def test_provenance_is_recorded(tmp_path):
    source = save_pggan(tmp_path / "g 1.pth", lod=torch.zeros(()))
    conversion = convert_file(source, tmp_path / "model")
    assert conversion.folder == tmp_path / "model"
    assert conversion.title == "PGGAN generator (genforce, HiGAN, mGANprior, InterFaceGAN)"
    facts = zoo.read_config(tmp_path / "model")["provenance"]
    assert facts["file"] == "g 1.pth"
    assert facts["sha256"] == sha256(source)
    assert facts["layout"] == "pggan_generator"
    assert facts["licence"] == pggan.LICENCE_NOTE
    assert facts["left_out"] == ["lod"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", facts["converted"])
    assert facts["versions"]["gprior-jax"] == __version__
    assert facts["versions"].keys() == {"gprior-jax", "jax", "flax", "torch", "numpy"}
    # Nothing of this machine gets into a folder that is given to others.
    assert str(tmp_path) not in (tmp_path / "model" / "config.json").read_text()


def test_licence_and_name_can_be_given(tmp_path):
    source = save_pggan(tmp_path / "g.pth")
    convert_file(source, tmp_path / "a", licence="CC BY 4.0", name="bedroom")
    assert zoo.read_config(tmp_path / "a")["provenance"]["licence"] == "CC BY 4.0"
    assert zoo.load(tmp_path / "a").name == "bedroom"
    convert_file(source, tmp_path / "b")
    assert zoo.load(tmp_path / "b").name == "g"


def test_existing_folder_is_refused(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.txt").touch()
    source = save_pggan(tmp_path / "g.pth")
    with pytest.raises(FileExistsError, match="model exists already: name another folder or remove it first"):
        convert_file(source, tmp_path / "model")
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["mine.txt"]
    convert_file(source, tmp_path / "model", overwrite=True)
    assert zoo.load(tmp_path / "model").z_dim == 5


def test_a_failed_conversion_keeps_the_folder_it_would_replace(tmp_path):
    convert_file(save_pggan(tmp_path / "g.pth"), tmp_path / "model")
    (tmp_path / "bad.pth").write_text("not a checkpoint")
    with pytest.raises(CheckpointError):
        convert_file(tmp_path / "bad.pth", tmp_path / "model", overwrite=True)
    assert zoo.load(tmp_path / "model").name == "g"


def test_generator_alone_and_networks_of_one_file(tmp_path):
    """Of several networks the generator is taken; a lone other network becomes a network folder."""
    generator = torch.load(save_pggan(tmp_path / "g.pth"), weights_only=True)
    torch.save({"netG": generator, "epoch": 4}, tmp_path / "run.pth")
    conversion = convert_file(tmp_path / "run.pth", tmp_path / "model")
    assert conversion.left_out == ("epoch",)
    assert not conversion.has_critic
    assert zoo.read_config(tmp_path / "model")["kind"] == "prior"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is damaged, no JSON"),
        ("[]", "no JSON object"),
        (None, "is missing"),
        ('{"latent": {"sigma": 1}}', "'latent'"),
    ],
)
def test_bad_architecture_files(tmp_path, content, told):
    if content is not None:
        (tmp_path / "a.json").write_text(content)
    with pytest.raises(CheckpointError, match=told):
        convert_file(save_pggan(tmp_path / "g.pth"), tmp_path / "model", architecture=tmp_path / "a.json")
    assert not (tmp_path / "model").exists()


def test_the_module_takes_what_the_file_cannot_tell(tmp_path):
    (tmp_path / "a.json").write_text('{"arch": "pggan_generator", "final_tanh": true, "latent": {"kind": "uniform"}}')
    source = save_pggan(tmp_path / "g.pth")
    conversion = convert_file(source, tmp_path / "model", architecture=tmp_path / "a.json")
    assert conversion.module.final_tanh
    prior = zoo.load(tmp_path / "model")
    assert prior.module.final_tanh
    assert prior.latent.kind == "uniform"


def test_tensors_of_directions_say_who_reads_them():
    """Of e4e's components; a network of these names would have been recognised."""
    state = {"mean": torch.ones(1, 4), "std": torch.ones(2), "comp": torch.ones(2, 1, 4)}
    with pytest.raises(CheckpointError, match=r"holds nothing but mean, std, comp, no network: .* directions by"):
        layouts.recognise(state, "pca.pt")
