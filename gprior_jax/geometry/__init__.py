"""Geometry of latent spaces: derivatives of any function of a latent, distances and curves, smoothness, density.

Functions are pure: they can be jitted, mapped and differentiated. What they are of is any function of one latent; that
of a prior is :func:`outputs`.
"""

from gprior_jax.geometry.curves import CurveMeasures as CurveMeasures
from gprior_jax.geometry.curves import arc as arc
from gprior_jax.geometry.curves import evened as evened
from gprior_jax.geometry.curves import line as line
from gprior_jax.geometry.curves import measure as measure
from gprior_jax.geometry.curves import refined as refined
from gprior_jax.geometry.density import Typicality as Typicality
from gprior_jax.geometry.density import log_density as log_density
from gprior_jax.geometry.density import log_prior as log_prior
from gprior_jax.geometry.density import typicality as typicality
from gprior_jax.geometry.functions import outputs as outputs
from gprior_jax.geometry.functions import outputs_of as outputs_of
from gprior_jax.geometry.geodesics import Geodesic as Geodesic
from gprior_jax.geometry.geodesics import descend as descend
from gprior_jax.geometry.geodesics import geodesic as geodesic
from gprior_jax.geometry.geodesics import geodesic_step as geodesic_step
from gprior_jax.geometry.geodesics import geodesics as geodesics
from gprior_jax.geometry.georce import georce as georce
from gprior_jax.geometry.jacobian import Linearized as Linearized
from gprior_jax.geometry.jacobian import condition_number as condition_number
from gprior_jax.geometry.jacobian import effective_rank as effective_rank
from gprior_jax.geometry.jacobian import jacobian as jacobian
from gprior_jax.geometry.jacobian import linearize as linearize
from gprior_jax.geometry.jacobian import log_volume as log_volume
from gprior_jax.geometry.jacobian import metric as metric
from gprior_jax.geometry.jacobian import singular_values as singular_values
from gprior_jax.geometry.means import Mean as Mean
from gprior_jax.geometry.means import riemannian_mean as riemannian_mean
from gprior_jax.geometry.path_length import PathLength as PathLength
from gprior_jax.geometry.path_length import perceptual_path_length as perceptual_path_length
from gprior_jax.geometry.regions import RegionDirections as RegionDirections
from gprior_jax.geometry.regions import region_directions as region_directions
from gprior_jax.geometry.second_order import acceleration as acceleration
from gprior_jax.geometry.second_order import christoffel as christoffel
from gprior_jax.geometry.second_order import exponential as exponential
from gprior_jax.geometry.second_order import kinks as kinks
from gprior_jax.geometry.second_order import sectional_curvature as sectional_curvature
from gprior_jax.geometry.smoothness import lipschitz as lipschitz
from gprior_jax.geometry.smoothness import plane_metric as plane_metric
from gprior_jax.geometry.smoothness import profile as profile
from gprior_jax.geometry.spectrum import Spectrum as Spectrum
from gprior_jax.geometry.spectrum import local_components as local_components
from gprior_jax.geometry.spectrum import spectrum as spectrum
from gprior_jax.geometry.spectrum import stretch as stretch
