"""A module of every architecture, with weights, and priors of them."""

import jax
import numpy as np

from gprior_jax.discriminators.critic import Critic
from gprior_jax.discriminators.dcgan import DCGANDiscriminator
from gprior_jax.discriminators.dcgan import example_layers as discriminator_layers
from gprior_jax.discriminators.patch import PatchGAN
from gprior_jax.discriminators.pggan import PGGANDiscriminator
from gprior_jax.discriminators.stylegan2 import StyleGAN2Discriminator
from gprior_jax.encoders.multi_code import MultiCodeEncoder
from gprior_jax.encoders.residual import ResidualEncoder
from gprior_jax.generators.biggan import BigGAN
from gprior_jax.generators.biggan_deep import BigGANDeep
from gprior_jax.generators.dcgan import DCGAN, example_layers
from gprior_jax.generators.metric import StyleMetric
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.prior import LatentDistribution, Prior
from gprior_jax.generators.stylegan import StyleGAN
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.nn.stack import StackLayer
from gprior_jax.perceptual.alexnet import AlexNet
from gprior_jax.perceptual.efficientnet import EfficientNetLite0
from gprior_jax.perceptual.lpips import LPIPSNetwork
from gprior_jax.perceptual.vgg import VGG16
from gprior_jax.translation.resnet import ResNetTranslator
from gprior_jax.translation.unet import UNetTranslator
from gprior_jax.zoo.networks import abstract_params

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
    "efficientnet_lite0": EfficientNetLite0(),
    "lpips": LPIPSNetwork("alexnet"),
    "stylegan": StyleGAN((4, 4), 5, 4, 2, w_per_layer=True, norm_epsilon=1e-5),
    "stylegan2": StyleGAN2((4, 4), 5, 4, 2, num_classes=3, architecture="residual", clamp=256.0),
    "biggan": BigGAN((8, 8), 4, 3, 2, attention=(1,)),
    "biggan_unshared": BigGAN((4, 4), 5, 3, 0, attention=(), hierarchical=False),
    "biggan_deep": BigGANDeep((8, 4), (True,), 4, 3, 2, attention=(0,), num_sets=3, truncation=0.5, epsilon=1e-3),
    "stylegan2_discriminator": StyleGAN2Discriminator((4, 4), num_classes=3, group_size=2),
    "patch_discriminator": PatchGAN(2, 1, in_channels=2),
    "resnet_translator": ResNetTranslator(2, 1, norm="batch", dropout=True),
    "unet_translator": UNetTranslator(2, 5, in_channels=1, norm="instance", affine=True),
    "residual_encoder": ResidualEncoder(16, (3, 4, 4), (5, 2), "w_plus"),
    "multi_code_encoder": MultiCodeEncoder(16, (3, 4, 4), (8, 8, 5), layer=2, num_codes=3, z_dim=6, num_directions=4),
    "style_metric": StyleMetric(3, 2),
}


def positive_params(module, seed=0):
    """Positive random weights (variances are among them) of a network, without compiling its initialisers."""
    rng = np.random.default_rng(seed)
    shapes = abstract_params(module)
    return jax.tree.map(lambda leaf: rng.uniform(0.1, 1, leaf.shape).astype(np.float32), shapes)


def make_prior(critic=True):
    """A PGGAN, with its discriminator unless it is to come without."""
    module, judge = MODULES["pggan"], MODULES["pggan_discriminator"]
    stored = Critic(positive_params(judge, 1), judge) if critic else None
    latent = LatentDistribution("uniform", -2.0, 3.0)
    return Prior(positive_params(module), module, latent=latent, critic=stored, name="tiny")


def assert_trees_equal(found, wanted, dtype=np.float32):
    """Also in what is static."""
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert a.dtype == dtype
        np.testing.assert_array_equal(a, b)
