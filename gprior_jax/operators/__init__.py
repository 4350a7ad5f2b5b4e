"""Forward operators: what was done to an image before it was observed.

An operator is a pytree with ``op(x) -> y`` for one image ``[H, W, C]`` in [-1, 1], differentiable; operators with
per-image parameters are batched by ``jax.vmap`` over their leaves:

>>> import jax, jax.numpy as jnp
>>> holes = stack([Mask(box_mask(8, 2)), Mask(box_mask(8, 4))])
>>> jax.vmap(lambda op, image: op(image))(holes, jnp.ones((2, 8, 8, 3))).sum((1, 2, 3))
Array([180., 144.], dtype=float32)
"""

from gprior_jax.operators.base import Compose as Compose
from gprior_jax.operators.base import Forward as Forward
from gprior_jax.operators.base import Identity as Identity
from gprior_jax.operators.base import Operator as Operator
from gprior_jax.operators.base import adjoint as adjoint
from gprior_jax.operators.base import broadcast as broadcast
from gprior_jax.operators.base import compose as compose
from gprior_jax.operators.base import observed_shape as observed_shape
from gprior_jax.operators.base import stack as stack
from gprior_jax.operators.blur import Blur as Blur
from gprior_jax.operators.blur import gaussian_kernel as gaussian_kernel
from gprior_jax.operators.blur import motion_kernel as motion_kernel
from gprior_jax.operators.color import LUMA_WEIGHTS as LUMA_WEIGHTS
from gprior_jax.operators.color import Luma as Luma
from gprior_jax.operators.masks import Mask as Mask
from gprior_jax.operators.masks import as_masks as as_masks
from gprior_jax.operators.masks import box_mask as box_mask
from gprior_jax.operators.masks import random_mask as random_mask
from gprior_jax.operators.masks import stroke_mask as stroke_mask
from gprior_jax.operators.noise import GaussianNoise as GaussianNoise
from gprior_jax.operators.noise import ImpulseNoise as ImpulseNoise
from gprior_jax.operators.noise import PoissonNoise as PoissonNoise
from gprior_jax.operators.quantize import Jpeg as Jpeg
from gprior_jax.operators.quantize import Quantize as Quantize
from gprior_jax.operators.resample import Downsample as Downsample
from gprior_jax.operators.resample import DownsampleFilter as DownsampleFilter
from gprior_jax.operators.resample import downsample_matrix as downsample_matrix
