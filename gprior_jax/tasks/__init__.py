"""Image restoration with a prior: one function a task, for batches of images on the host."""

from gprior_jax.tasks.finishing import Blend as Blend
from gprior_jax.tasks.restoration import BatchOptions as BatchOptions
from gprior_jax.tasks.restoration import Finish as Finish
from gprior_jax.tasks.restoration import Noise as Noise
from gprior_jax.tasks.restoration import NoiseSettings as NoiseSettings
from gprior_jax.tasks.restoration import Options as Options
from gprior_jax.tasks.restoration import Restoration as Restoration
from gprior_jax.tasks.restoration import check_blend as check_blend
from gprior_jax.tasks.restoration import check_masks as check_masks
from gprior_jax.tasks.restoration import colorize as colorize
from gprior_jax.tasks.restoration import deblur as deblur
from gprior_jax.tasks.restoration import denoise as denoise
from gprior_jax.tasks.restoration import enlarging_factor as enlarging_factor
from gprior_jax.tasks.restoration import inpaint as inpaint
from gprior_jax.tasks.restoration import noise_settings as noise_settings
from gprior_jax.tasks.restoration import restore as restore
from gprior_jax.tasks.restoration import upscale as upscale
