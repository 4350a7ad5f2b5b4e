"""Files of latent codes, ours and those of other programs: which space the numbers are of, and their shapes.

Known are arrays as ``.npy``; by name as ``.npz`` (NVIDIA's projector writes ``w`` with the shape ``[1, L, D]``, its
TensorFlow programs ``dlatents``); tensors as ``.pt`` (e4e, pSp, PTI: ``[N, L, D]``; rosinality's projector: a dict of
pictures, each with its ``latent``).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gprior_jax.errors import CheckpointError, require
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import check_styles
from gprior_jax.runs.held import CODES, Space, hold, read_content
from gprior_jax.runs.hints import LONG


class Codes(NamedTuple):
    """Codes of one space.

    Attributes:
        space: of all.
        rows: float32 ``[N, z_dim]``, ``[N, w_dim]`` or ``[N, num_styles, w_dim]``.
        names: of each, for messages.
        label: what the file says of their classes.
    """

    space: Space
    rows: np.ndarray
    names: list[str]
    label: np.ndarray | None = None


def load_content(prior: Prior, path: Path, tell: Callable[[str], None]) -> Any:
    """What a file of codes holds, see :func:`gprior_jax.runs.held.read_content`; directions are no codes.

    Args:
        prior: whose codes they are to be.
        path: the file.
        tell: called with a sentence where vectors may be directions, for all that tells.

    Raises:
        CheckpointError: damaged, no such file, or one that could run code; or it holds directions.
    """
    content = read_content(path)
    if is_inversion(content):
        return content
    vectors = hold(path, content)
    if found := next((held for held in vectors if held.kind == "directions"), None):
        raise CheckpointError(
            f"{path} holds {found}, no codes: a code of {prior} is {shapes_told(prior)}; gprior directions tells about "
            "it, gprior edit moves codes along it."
        )
    if doubt := next((held for held in vectors if held.kind == "unclear" and held.vectors.shape[-1] >= LONG), None):
        tell(f"{path}: numbers of shape {doubt.shape} are taken for codes, and may be a direction.")
    return content


def is_inversion(content: Any) -> bool:
    """Whether that is what ``gprior invert`` wrote of an image."""
    return isinstance(content, dict) and "about" in content and "boundary" not in content


def group(path: Path, content: Any) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of a file: by the picture that they belong to (``""`` where there is none), and by name."""
    return require("gprior_converters.codes", "convert").group(path, content)


def read_codes(
    prior: Prior,
    path: Path,
    arrays: dict[str, np.ndarray],
    space: Space | None,
    tell: Callable[[str], None],
    of: str = "",
) -> Codes:
    """The codes among some arrays.

    Args:
        prior: whose codes they are to be.
        path: the file, for messages.
        arrays: by name.
        space: of arrays whose name does not say it; None goes by the shape, see :func:`_decide`.
        tell: called with a sentence where the shape leaves a doubt.
        of: the picture that they belong to, for their names.

    Raises:
        CheckpointError: no codes, of another prior, or of a space that is in doubt.
    """
    named = [name for name in arrays if name not in ("noise", "label")]
    name = next((name for name in ("", *CODES) if name in arrays), named[0] if len(named) == 1 else None)
    if name is None:
        held = ", ".join(f"{key} {list(value.shape)}" for key, value in list(arrays.items())[:6]) or "nothing"
        raise CheckpointError(
            f"{path} holds no array z, w or w_plus, or several others ({held}): save codes under the name of their "
            "space."
        )
    values = arrays[name]
    if "noise" in arrays:
        tell(f"{path}: the noise maps that it holds beside codes are left out.")
    if CODES.get(name) in ("w", "w_plus"):
        check_styles(prior)
    if CODES.get(name) == "z" and values.ndim == 4 and values.shape[2:] == (1, 1):
        values = values[..., 0, 0]
    if of and prior.num_styles and CODES.get(name) is None and values.ndim in (1, 2):
        space = "w" if values.ndim == 1 else "w_plus"  # Of one picture there is one code, of rosinality's a style.
    found = _decide(prior, path, name, values, space, tell)
    shape = shape_of(prior, found)
    rows = values.reshape(-1, *shape).astype(np.float32)
    told = f"{path}:{of}" if of else str(path)
    names = [told if len(rows) == 1 else f"{told}:{i}" for i in range(len(rows))]
    return Codes(found, rows, names, arrays.get("label"))


def shape_of(prior: Prior, space: Space) -> tuple[int, ...]:
    """Shape of one code of a space."""
    return {"z": (prior.z_dim,), "w": (prior.w_dim,), "w_plus": (prior.num_styles, prior.w_dim)}[space]


def _decide(
    prior: Prior, path: Path, name: str, values: np.ndarray, space: Space | None, tell: Callable[[str], None]
) -> Space:
    """The space of an array, which its shape fits.

    Where neither the name nor the caller says it, the shape does: three axes are styles of every layer, a last axis
    tells z and w apart where the prior's are of different lengths. ``[num_styles, w_dim]`` is taken as the styles of
    one code, and said to be; what may be z as well as w is refused.
    """
    if values.size == 0:
        raise CheckpointError(f"{path} holds no code: {name or 'its array'} has the shape {_listed(values.shape)}.")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise CheckpointError(f"{path} holds numbers that are NaN or infinite, no codes: write it again.")
    wanted = _named(prior, path, name, values, space, tell) or space
    candidates: list[Space] = [wanted] if wanted else [s for s in _spaces(prior) if fits(prior, s, values.shape)]
    if values.dtype.kind != "f" or not any(fits(prior, each, values.shape) for each in candidates):
        raise CheckpointError(_misfit(prior, path, name, values, candidates or _spaces(prior)))
    if "w_plus" in candidates and len(candidates) > 1:
        tell(
            f"{path}: {_listed(values.shape)} is taken as the styles of one code (w_plus), not as {len(values)} codes."
        )
        return "w_plus"
    if len(candidates) > 1:
        raise CheckpointError(
            f"{path} holds {_listed(values.shape)}, which may be codes z or w of {prior}, and they draw other "
            f"pictures: name their space, z or w, as in z:{path.name} or w:{path.name}."
        )
    return candidates[0]


def _named(
    prior: Prior, path: Path, name: str, values: np.ndarray, space: Space | None, tell: Callable[[str], None]
) -> Space | None:
    """The space that the name of an array says; what NVIDIA's programs call w is what others call w_plus."""
    named = CODES.get(name)
    if named != "w":
        return named
    if values.ndim == 3 and values.shape[1] > 1:
        return "w_plus"
    if space in ("w", "w_plus"):
        return space
    if fits(prior, "w_plus", values.shape):
        tell(f"{path}: w {_listed(values.shape)} is taken as {len(values)} codes w, not as one of as many styles.")
    return "w"


def _spaces(prior: Prior) -> list[Space]:
    return ["z", "w", "w_plus"] if prior.num_styles else ["z"]


def shapes_told(prior: Prior) -> str:
    """Shapes of one code, or direction, of every space of a prior, for messages.

    >>> import gprior_jax as gp
    >>> shapes_told(gp.load("builtin")), shapes_told(gp.load("builtin:portraits"))
    ('[128] in z', '[128] in z, [128] in w or [10, 128] in w_plus')
    """
    *others, last = [f"{_listed(shape_of(prior, space))} in {space}" for space in _spaces(prior)]
    return f"{', '.join(others)}{' or ' * bool(others)}{last}"


def fits(prior: Prior, space: Space, shape: tuple[int, ...]) -> bool:
    """Whether an array of a shape can be codes of a space: one code, or a row of them."""
    if space == "w_plus":
        return bool(prior.num_styles) and len(shape) in (2, 3) and shape[-2:] == shape_of(prior, space)
    if space == "w" and not prior.num_styles:
        return False
    rows = shape[:-2] + shape[-1:] if len(shape) == 3 and shape[1] == 1 else shape  # [N, 1, D]
    return len(rows) in (1, 2) and rows[-1:] == shape_of(prior, space)


def _misfit(prior: Prior, path: Path, name: str, values: np.ndarray, spaces: list[Space]) -> str:
    """That an array does not fit, with both shapes."""
    wanted = " or ".join(
        f"{_listed(('N', *shape_of(prior, space)))} as {space}" for space in spaces if space in _spaces(prior)
    )
    told = f"{path} holds {name + ' as ' if name else ''}{values.dtype} of shape {values.shape}"
    if not wanted:
        return f"{told}: {prior} has no styles, its latent space is 'z' only."
    other = ""
    if prior.num_styles and values.ndim in (2, 3) and values.shape[-2] > 1:
        styles, width = values.shape[-2:]
        of = (
            f"; as w_plus they are of a prior of {styles} styles of {width} numbers, {prior} has {prior.num_styles} of "
        )
        other = "; as w_plus they fit" if fits(prior, "w_plus", values.shape) else f"{of}{prior.w_dim}"
    return f"{told}: {prior} takes finite floats {wanted}{other}."


def _listed(shape: tuple[Any, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"
