"""From variables of NVIDIA's TensorFlow networks to the state dicts of their PyTorch versions, which have converters.

* StyleGAN2 (config F: generator ``skip``, discriminator ``resnet``) to the keys of stylegan2-ada-pytorch;
* StyleGAN's generator to those of idinvert and HiGAN (its discriminator has no counterpart here and is left out);
* PGGAN's generator to those of mGANprior and HiGAN, its discriminator to those of genforce/genforce.

Facts on which the names and orders rest, from the published networks and from converters that others made of them:

* Convolutions are HWIO, dense layers [in, out]; activations are NCHW, so flattened maps are in the order of PyTorch.
* StyleGAN2: ``Conv0_up`` is turned by half a turn in stylegan2-ada-pytorch; ``Conv1_down`` and ``Skip`` are not. The
  bias of the modulation there includes the 1 that TensorFlow adds when running. Noise map 0 belongs to ``4x4/Conv``,
  maps 2b - 1 and 2b to the two convolutions of block b.
* StyleGAN: noise map k belongs to layer k. Enlarging layers from 128 pixels on are fused (``fused_scale`` "auto") and
  stay HWIO under another key.
* PGGAN: whether enlarging layers are fused is told by their names, ``Conv0_up`` against ``Conv0``; fused ones are HWOI.
  The importer of networks from the older Theano program writes ``Conv0``, ``fused_scale`` False and
  ``mbstd_group_size`` 16, and other converters of the published files expect the same of them; what is trained with
  the TensorFlow program is fused, in groups of 4. The dense layer makes a [C, 4, 4] map, which a 4x4 convolution meets
  back to front.

No published file was at hand: orders and names are checked against computations written from these facts, not
against a file by NVIDIA; the settings of published files, and class-conditional ones, are not checked at all. Settings
that would change the function without changing a tensor are refused where their name is known.
"""

from typing import Any

from gprior_converters.pickles import Pickled
from gprior_converters.scanning import shown
from gprior_converters.state import State
from gprior_converters.tensorflow_names import LAYOUTS, Names
from gprior_jax.errors import CheckpointError

_TF_GROUP = 4
"""Default ``mbstd_group_size`` of all TensorFlow discriminators."""

_SHOWN = 6


def convert(pickled: Pickled, source: str) -> Pickled:
    """Rename and reorder the variables of TensorFlow networks.

    Args:
        pickled: what :func:`gprior_converters.pickles.read_pickle` found in a file of kind ``"tensorflow"``.
        source: names the file in messages.

    Returns:
        The same with state dicts of the PyTorch versions; a discriminator that has none is left out.

    Raises:
        CheckpointError: a network is of no known layout, or has variables or settings that are not known.
    """
    networks, settings, left_out = {}, {}, list(pickled.left_out)
    for role, variables in pickled.networks.items():
        own = dict(pickled.settings.get(role, {}))
        layout = recognise(variables, own)
        if layout is None and role != "generator":
            left_out.append("D")
            continue
        if layout is None or not layout.endswith(role):
            names = ", ".join(shown(name) for name in list(variables)[:_SHOWN])
            raise CheckpointError(
                f"{source} holds a TensorFlow {role} of no known layout (its first variables are {names or 'none'}); "
                "nothing was written: known are PGGAN, StyleGAN and StyleGAN2 in configuration F."
            )
        if role == "discriminator":
            own.setdefault("mbstd_group_size", _TF_GROUP)
        if layout == "pggan_discriminator":
            own["fused_scale"] = any("/Conv1_down/" in name for name in variables)
        networks[role], dropped = to_state(variables, own, layout, source)
        settings[role] = own
        left_out += dropped
    return pickled._replace(networks=networks, settings=settings, left_out=tuple(left_out))


def recognise(variables: State, settings: dict[str, Any]) -> str | None:
    """Name of the layout of a network's variables; None where there is none.

    Fused discriminators of PGGAN and those of StyleGAN, which blur, have the same variables: the name of the function
    that builds them tells them apart.
    """
    if "synthesis/4x4/Conv/mod_weight" in variables:
        return "stylegan2_generator"
    if "synthesis/4x4/Const/StyleMod/weight" in variables:
        return "stylegan_generator"
    if "4x4/Dense/weight" in variables:
        return "pggan_generator"
    if "4x4/Dense0/weight" in variables and "Output/weight" in variables:
        return "stylegan2_discriminator"
    if "4x4/Dense1/weight" in variables:
        fused = any("/Conv1_down/" in name for name in variables)
        return "pggan_discriminator" if not fused or settings.get("build_func_name") == "D_paper" else None
    return None


def to_state(variables: State, settings: dict[str, Any], layout: str, source: str) -> tuple[State, tuple[str, ...]]:
    """The state dict of one network.

    Args:
        variables: by name.
        settings: the arguments that the network was made with.
        layout: name in :data:`gprior_converters.tensorflow_names.LAYOUTS`.
        source: names the file in messages.

    Returns:
        The state dict, and the names of variables that are knowingly not used.

    Raises:
        CheckpointError: a variable or a setting is not known.
    """
    known = LAYOUTS[layout]
    for name, value in known.fixed.items():
        if settings.get(name, value) != value:
            raise CheckpointError(
                f"{source} holds a {known.title} with {name} = {shown(settings[name], 40)}; only {value} is known, and "
                "nothing was written."
            )
    names = Names(variables, settings)
    state: State = {}
    unknown, dropped = [], []
    for name, value in variables.items():
        try:
            found = known.rename(name, names)
            if found is None:
                unknown.append(shown(name))
            elif not found[0]:
                dropped.append(name)
            elif found[0] in state:
                raise ValueError("names a tensor that another variable has named")
            else:
                state[found[0]] = found[1](value)
        except ValueError as error:
            raise CheckpointError(f"{source}: variable {shown(name)} of the {known.title} {shown(error)}.") from error
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise CheckpointError(
            f"{source} holds a {known.title} with variables that are not known ({', '.join(unknown[:_SHOWN])}{more}); "
            "nothing was written: another configuration of it?"
        )
    try:
        return state | known.buffers(state, settings), tuple(dropped)
    except ValueError as error:
        raise CheckpointError(f"{source}: {shown(error)}; nothing was written.") from error
