"""Inversion that can be differentiated: in the measurement, the operator, the objective's weights and the steps.

:func:`implicit` and :func:`attached` differentiate at the end of a search, and keep nothing of it; :func:`unrolled`
goes back through all of its steps. Functions are pure and for one image: they can be jitted, mapped and differentiated.
"""

from gprior_jax.differentiable.fitting import FittedOperator as FittedOperator
from gprior_jax.differentiable.fitting import fit_operator as fit_operator
from gprior_jax.differentiable.implicit import attached as attached
from gprior_jax.differentiable.implicit import decrement as decrement
from gprior_jax.differentiable.implicit import implicit as implicit
from gprior_jax.differentiable.implicit import refined as refined
from gprior_jax.differentiable.inversion import Found as Found
from gprior_jax.differentiable.inversion import Inversion as Inversion
from gprior_jax.differentiable.inversion import inversion as inversion
from gprior_jax.differentiable.inversion import rendered as rendered
from gprior_jax.differentiable.inversion import smooth as smooth
from gprior_jax.differentiable.inversion import start as start
from gprior_jax.differentiable.learning import Hypergradient as Hypergradient
from gprior_jax.differentiable.learning import hypergradient as hypergradient
from gprior_jax.differentiable.learning import learn_rates as learn_rates
from gprior_jax.differentiable.optimum import Curvature as Curvature
from gprior_jax.differentiable.optimum import at_minimum as at_minimum
from gprior_jax.differentiable.sensitivity import sensitivity as sensitivity
from gprior_jax.differentiable.unrolled import Unrolled as Unrolled
from gprior_jax.differentiable.unrolled import unrolled as unrolled
