"""How good images are. Images are in [0, 1], channels last.

For one pair ``[H, W, C]``, to be batched with ``jax.vmap``: :func:`psnr`, :func:`l1`, :func:`ssim`, :func:`ms_ssim`,
:func:`lpips`, :func:`chroma_error`, :func:`colorization_auc`. For sets ``[N, H, W, C]``: :func:`sliced_wasserstein`,
:func:`fid`, :func:`kid`, :func:`ms_ssim_diversity`; for sets of features ``[N, D]``: :func:`frechet_distance`,
:func:`kernel_distance`, :func:`set_distance`. For priors: :func:`prior_distance`. For a map and a region ``[H, W]``:
:func:`best_overlap`. For results of several codes: :mod:`gprior_jax.metrics.explain`. All but those on features, and
:func:`fid`, :func:`kid` and :func:`prior_distance`, which end on the host in float64, can be jitted.
"""

from gprior_jax.metrics import explain as explain
from gprior_jax.metrics.color import chroma_error as chroma_error
from gprior_jax.metrics.color import colorization_auc as colorization_auc
from gprior_jax.metrics.color import rgb_to_lab as rgb_to_lab
from gprior_jax.metrics.diversity import ms_ssim_diversity as ms_ssim_diversity
from gprior_jax.metrics.frechet import features_of as features_of
from gprior_jax.metrics.frechet import fid as fid
from gprior_jax.metrics.frechet import frechet_distance as frechet_distance
from gprior_jax.metrics.frechet import kernel_distance as kernel_distance
from gprior_jax.metrics.frechet import kid as kid
from gprior_jax.metrics.frechet import network_features as network_features
from gprior_jax.metrics.lpips import lpips as lpips
from gprior_jax.metrics.overlap import Overlap as Overlap
from gprior_jax.metrics.overlap import best_overlap as best_overlap
from gprior_jax.metrics.pixel import l1 as l1
from gprior_jax.metrics.pixel import psnr as psnr
from gprior_jax.metrics.prior_distance import SetDistance as SetDistance
from gprior_jax.metrics.prior_distance import drawn_features as drawn_features
from gprior_jax.metrics.prior_distance import prior_distance as prior_distance
from gprior_jax.metrics.prior_distance import set_distance as set_distance
from gprior_jax.metrics.ssim import ms_ssim as ms_ssim
from gprior_jax.metrics.ssim import ssim as ssim
from gprior_jax.metrics.swd import sliced_wasserstein as sliced_wasserstein
