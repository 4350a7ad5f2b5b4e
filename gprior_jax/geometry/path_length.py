"""Perceptual path length: how far images move when their codes move a little (Karras et al. 2019, arXiv:1812.04948).

Small where the latent space is smooth: no abrupt changes, no detours. The variants are those of StyleGAN2's
``metrics/perceptual_path_length.py`` and of stylegan2-ada-pytorch. With the crop the two differ for priors of 512 px
and more, and StyleGAN2's is followed: the factor that reduces an image comes from the cropped size (1024 px: 512 to
256). stylegan2-ada-pytorch takes it from the generator's resolution even after the crop (1024 px: 512 to 128), so that
its figures with the crop do not compare with these.
"""

from typing import Any, Literal, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.editing.paths import lerp, slerp
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.noise import draw_noise
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.styles import check_styles, map_code
from gprior_jax.keys import purpose
from gprior_jax.objectives import Perceptual
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.typing import Array, Key

Space = Literal["z", "w"]
Sampling = Literal["full", "end"]

NUM_SAMPLES = 50_000
EPSILON = 1e-4
TRIM = (1.0, 99.0)
"""Percentiles outside which lengths are left out."""

MAX_SIDE = 256
"""Larger images are reduced to this side before they are compared, by area."""


class PathLength(NamedTuple):
    """Perceptual path length of a prior.

    Attributes:
        mean: of the lengths that are not trimmed.
        lengths: of all samples, ``[N]``.
    """

    mean: float
    lengths: np.ndarray


@flax.struct.dataclass
class _Sampler:
    """One length, as a function of a key."""

    prior: Prior
    network: LPIPS | PerceptualNetwork
    space: Space = flax.struct.field(pytree_node=False)
    sampling: Sampling = flax.struct.field(pytree_node=False)
    crop: bool = flax.struct.field(pytree_node=False)
    epsilon: float = flax.struct.field(pytree_node=False)

    def __call__(self, key: Key) -> Array:
        """Squared distance of two images whose codes lie ``epsilon`` apart, over its square."""
        code_key, at_key, noise_key, label_key = jax.random.split(key, 4)
        first, second = self._codes(code_key, label_key)
        at = jax.random.uniform(at_key) if self.sampling == "full" else jnp.float32(0)
        blend = slerp if self.space == "z" else lerp
        noise = draw_noise(self.prior, noise_key) if self.prior.noise_sizes else "const"
        images = [self._image(blend(first, second, at + step), noise, label_key) for step in (0.0, self.epsilon)]
        a, b = (self._shown(image) for image in images)
        return Perceptual(self.network, kind="mse", max_side=MAX_SIDE).between(a, b) / self.epsilon**2

    def _label(self, key: Key) -> Array | None:
        """A random class, the same at both ends."""
        classes = self.prior.num_classes
        return jax.nn.one_hot(jax.random.randint(key, (), 0, classes), classes) if classes else None

    def _codes(self, key: Key, label_key: Key) -> Any:
        z = self.prior.latent.sample(key, (2, self.prior.z_dim))
        return z if self.space == "z" else jax.vmap(lambda z: map_code(self.prior, z, self._label(label_key)))(z)

    def _image(self, code: Array, noise: tuple[Array, ...] | Literal["const"], label_key: Key) -> Array:
        if not self.prior.num_styles:
            return run_layers(self.prior, code, noise=noise, label=self._label(label_key))
        styles = code if self.space == "w" else map_code(self.prior, code, self._label(label_key))
        return run_layers(self.prior, None, styles=styles, noise=noise)

    def _shown(self, image: Array) -> Array:
        if self.crop:
            eighth = image.shape[0] // 8  # Where the face is: rows 3/8 to 7/8, columns 2/8 to 6/8.
            image = image[3 * eighth : 7 * eighth, 2 * eighth : 6 * eighth]
        return image


def perceptual_path_length(
    prior: Prior,
    network: LPIPS | PerceptualNetwork,
    key: Key,
    *,
    space: Space = "w",
    sampling: Sampling = "end",
    crop: bool = False,
    num_samples: int = NUM_SAMPLES,
    epsilon: float = EPSILON,
    batch_size: int = 16,
) -> PathLength:
    """Perceptual path length.

    The published figures compare with LPIPS on VGG-16 (:func:`gprior_jax.zoo.load_lpips`); those of
    another network compare among themselves only. StyleGAN2's tables have ``space="w"``, ``sampling="end"``: without
    the crop ``ppl2_wend``, with it ``ppl_wend``, and likewise ``ppl_zfull``, ``ppl_wfull``, ``ppl_zend``.

    Args:
        prior: the generator; noise maps are drawn for every sample and the same at its two ends, and so is the class.
        network: what images are compared with: LPIPS, or the squared differences of a network's features.
        key: sample i is drawn from the key folded with i.
        space: ``"z"`` goes along the sphere between two codes, ``"w"`` along the line between their styles.
        sampling: ``"full"`` anywhere between two codes, ``"end"`` at the first of them.
        crop: compare the middle of the face only, as published for FFHQ and CelebA-HQ.
        num_samples: pairs of codes.
        epsilon: step along the path, as a part of it.
        batch_size: pairs at once.

    Raises:
        ValueError: styles of a prior that has none, an unknown word, or numbers out of range.

    >>> import gprior_jax as gp
    >>> from gprior_jax.perceptual import network
    >>> prior = gp.load("builtin")
    >>> found = perceptual_path_length(prior, network.default(prior), jax.random.key(0), space="z", num_samples=4)
    >>> found.mean > 0
    True
    """
    if space not in ("z", "w") or sampling not in ("full", "end"):
        raise ArgumentError(f"space={space!r}, sampling={sampling!r}: use 'z' or 'w', and 'full' or 'end'.")
    if space == "w":
        check_styles(prior)
    if num_samples < 1 or batch_size < 1 or not 0 < epsilon < np.inf:
        raise ArgumentError(
            f"num_samples {num_samples}, batch_size {batch_size}, epsilon {epsilon}: all must be positive."
        )
    sampler = _Sampler(prepare(prior), network.prepare(), space, sampling, crop, epsilon)
    starts = range(0, num_samples, batch_size)
    found = [np.asarray(_measure(sampler, key, jnp.arange(batch_size) + start)) for start in starts]
    lengths = np.concatenate(found)[:num_samples]
    return PathLength(trimmed_mean(lengths), lengths)


@jax.jit
def _measure(sampler: _Sampler, key: Key, ids: Array) -> Array:
    return jax.vmap(lambda i: sampler(jax.random.fold_in(purpose(key, "path length"), i)))(ids)


def trimmed_mean(lengths: np.ndarray, percentiles: tuple[float, float] = TRIM) -> float:
    """Mean of what lies between two percentiles, these counted; as published, they are samples, not interpolated.

    >>> trimmed_mean(np.append(np.arange(100.0), 1e9))  # 0 and 1e9 are cut off
    50.0
    """
    low = np.percentile(lengths, percentiles[0], method="lower")
    high = np.percentile(lengths, percentiles[1], method="higher")
    return float(np.mean(lengths[(lengths >= low) & (lengths <= high)]))
