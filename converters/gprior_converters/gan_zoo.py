"""What pytorch_GAN_zoo stores beside its tensors: the settings that its networks are made with (``BaseConfig``)."""

from typing import Any

from gprior_converters.state import Note
from gprior_jax.errors import CheckpointError

_TANH = ("MSE", "DCGAN")
"""Losses whose generators end in tanh (``base_loss_criterions.py``, ``generationActivation``)."""


def ends_in_tanh(settings: dict[str, Any]) -> bool:
    """Whether the generator does."""
    return settings.get("lossCriterion") in _TANH


def check(settings: dict[str, Any], source: str) -> None:
    """Refuse PGGANs of settings that no generator here has.

    Raises:
        CheckpointError: it is still growing, or another network than the published one.
    """
    if settings.get("alpha"):
        raise CheckpointError(
            f"{source} was saved while growing (alpha {settings['alpha']:g}, not 0): its last layers are not trained "
            "yet; take a later one."
        )
    usual = {"leakyReluLeak": 0.2, "perChannelNormalization": True, "equalizedlR": True}
    other = {name: settings[name] for name, value in usual.items() if settings.get(name, value) != value}
    if other:
        told = ", ".join(f"{name} {value}" for name, value in other.items())
        raise CheckpointError(f"{source} is of a PGGAN with {told}, which no generator here has; nothing was written.")


def remarks(settings: dict[str, Any], z_dim: int) -> tuple[Note, ...]:
    """What to say of a network that is told attributes (AC-GAN)."""
    number = settings.get("categoryVectorDim") or 0
    if not isinstance(number, int) or not 0 < number < z_dim:
        return ()
    return (Note(f"the last {number} of the {z_dim} numbers of a code are attributes that the generator was told"),)
