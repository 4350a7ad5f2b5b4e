"""From one picture to another: pix2pix' and CycleGAN's networks, on pictures of any size."""

from gprior_jax.translation.resnet import ResNetTranslator as ResNetTranslator
from gprior_jax.translation.translator import Translator as Translator
from gprior_jax.translation.translator import prepare_translator as prepare_translator
from gprior_jax.translation.translator import translate as translate
from gprior_jax.translation.unet import UNetTranslator as UNetTranslator
