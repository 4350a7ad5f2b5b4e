"""Image restoration with a prior: one function a task, for batches of images on the host.

Every task is an inversion through the operator that the observation went through, and a finish that keeps what was
observed:

>>> import gprior_jax as gp, jax
>>> prior = gp.load("builtin")
>>> key = jax.random.key(0)
>>> images = gp.synthesize(prior, gp.sample_z(prior, key, 2))
>>> small = jax.vmap(gp.operators.Downsample(4, "bicubic"))(images)
>>> recipe = gp.recipes.restoration("upscale", prior, num_codes=2, num_steps=3)
>>> gp.tasks.upscale(prior, small, key=key, recipe=recipe).images.shape
(2, 64, 64, 3)
"""

from gprior_jax.tasks.bounds import Interval as Interval
from gprior_jax.tasks.calibration import Calibration as Calibration
from gprior_jax.tasks.calibration import bounds_of as bounds_of
from gprior_jax.tasks.calibration import calibrate as calibrate
from gprior_jax.tasks.calibration import coverage as coverage
from gprior_jax.tasks.calibration import intervals as intervals
from gprior_jax.tasks.colorize import COLORIZE as COLORIZE
from gprior_jax.tasks.colorize import check_colours as check_colours
from gprior_jax.tasks.colorize import colorize as colorize
from gprior_jax.tasks.deblur import BlurKind as BlurKind
from gprior_jax.tasks.deblur import check_reach as check_reach
from gprior_jax.tasks.deblur import deblur as deblur
from gprior_jax.tasks.deblur import deblurring as deblurring
from gprior_jax.tasks.deblur import kernel_of as kernel_of
from gprior_jax.tasks.denoise import NoiseKind as NoiseKind
from gprior_jax.tasks.denoise import denoise as denoise
from gprior_jax.tasks.denoise import denoising as denoising
from gprior_jax.tasks.finishing import Blend as Blend
from gprior_jax.tasks.inpaint import inpaint as inpaint
from gprior_jax.tasks.inpaint import inpainting as inpainting
from gprior_jax.tasks.restoration import Arrays as Arrays
from gprior_jax.tasks.restoration import Finish as Finish
from gprior_jax.tasks.restoration import Restoration as Restoration
from gprior_jax.tasks.restoration import RestoreOptions as RestoreOptions
from gprior_jax.tasks.restoration import Task as Task
from gprior_jax.tasks.restoration import complete as complete
from gprior_jax.tasks.restoration import restore as restore
from gprior_jax.tasks.upscale import enlarging_factor as enlarging_factor
from gprior_jax.tasks.upscale import upscale as upscale
from gprior_jax.tasks.upscale import upscaling as upscaling
