"""Statistics of batch norms at conversion: computed anew where that is asked for, else compared with drawn codes."""

from typing import Any

import jax
import numpy as np

from gprior_converters.state import Note
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.batch_statistics import Drift, drift, has_batch_norms, with_batch_statistics
from gprior_jax.generators.prior import LatentDistribution, Prior
from gprior_jax.keys import seeded
from gprior_jax.typing import Params

_SEED = 0


def with_statistics(
    module: Any, params: Params, latent: LatentDistribution, number: int | None, source: str
) -> tuple[Params, tuple[str, ...]]:
    """A generator's weights with statistics of drawn codes, or as they are, with a remark if these would differ much.

    Args:
        module: any network.
        params: its weights.
        latent: distribution of its codes.
        number: of codes to compute statistics from; None leaves those of the file.
        source: names the file in messages.

    Raises:
        CheckpointError: a number is given, and there are no batch norms; or it is below 2.
    """
    prior = Prior(jax.tree.map(np.asarray, params), module, latent, name=source)
    if number is not None and number < 2:
        raise CheckpointError(f"batch statistics of {number} codes: use at least 2, some hundreds are better.")
    if not hasattr(module, "observe") or not hasattr(module, "z_dim") or not has_batch_norms(prior):
        if number is not None:
            raise CheckpointError(
                f"{source} has no generator with batch norms: there are no batch statistics to compute; leave them out."
            )
        return params, ()
    if number is None:
        found = drift(prior, seeded(_SEED))
        return params, (Note(_remark(found)),) if found.is_far else ()
    made = with_batch_statistics(prior, seeded(_SEED), number)
    return made.params, (Note(f"the batch norms store the statistics of {number} drawn codes, not those of the file"),)


def _remark(found: Drift) -> str:
    """One sentence about statistics that are not those of the weights."""
    return (
        f"the batch norms store statistics far from those of drawn codes (in {found.layer} means by {found.shift:.2g} "
        f"deviations, variances {found.ratio:.2g} times as large), so that {found.saturated:.0%} of all pixels are at "
        f"an end of their range, and {found.saturated_in_batch:.0%} with those of the codes, as in training: to store "
        "these, convert it again with --batch-statistics 1000"
    )
