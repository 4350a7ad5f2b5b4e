"""What makes an edited picture again, as text: commands, and lines of Python."""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gprior_jax.cli.checking import flag_of
from gprior_jax.cli.deblur import Deblur
from gprior_jax.cli.invert import Invert
from gprior_jax.cli.restore import Restore
from gprior_jax.recipes import find_method
from gprior_jax.runs.entries import run_of
from gprior_jax.studio.edits import Edit
from gprior_jax.studio.known import Known
from gprior_jax.studio.orders import command_of, stored_order
from gprior_jax.studio.pieces import Piece
from gprior_jax.studio.sessions import Session


@dataclasses.dataclass(frozen=True)
class Told:
    """An edit with all that its text names.

    Attributes:
        model: name or folder of the prior.
        source: the file of the item's codes.
        task: what the item is.
        edit: what is done to them.
        known: the directions of its sliders, by name.
        others: the files of other items' codes, by their ids.
        keeps: what was known of restored pictures stays in the edit.
    """

    model: str
    source: Path
    task: str
    edit: Edit
    known: dict[str, Known]
    others: dict[str, Path]
    keeps: bool = False

    @property
    def is_restored(self) -> bool:
        """Whether the picture is a restoration as it was found: more than its codes draw, as where it is pasted in."""
        return self.edit.is_none and self.task not in ("generate", "invert")

    @property
    def picture(self) -> str:
        """What the picture is called."""
        return f"{self.source.stem}{'' if self.edit.is_none else '_edited'}.png"


def words_of(told: Told) -> list[str]:
    """The command that draws the picture."""
    edit = told.edit
    words = ["gprior", "render", str(told.source), _flag("model"), told.model, _flag("out"), told.picture]
    if edit.morph is not None:
        words += [_flag("towards"), str(told.others[edit.morph.item]), _flag("at"), repr(edit.morph.at)]
    if edit.mix is not None:
        words += [_flag("styles"), str(told.others[edit.mix.item]), _flag("style-layers"), edit.mix.layers]
    moves = [slider for slider in edit.sliders if slider.strength]
    if moves:
        words += [_flag("along"), *(told.known[slider.direction].source for slider in moves)]
        words += [_flag("strengths"), *(repr(float(slider.strength)) for slider in moves)]
        if any(slider.layers for slider in moves):
            words += [_flag("layers"), *(slider.layers or "own" for slider in moves)]
    return words + ([] if edit.psi == 1.0 else [_flag("style-psi"), repr(edit.psi)])


def command(told: Told, session: Session, piece: Piece) -> str:
    """The command line, and before it, as a comment, the one that found the codes."""
    found = finding(told.model, session, piece)
    name = piece.about["name"]
    if told.is_restored:
        return f"{one_line(f'# {name}: results/{told.picture} is')}\n{found}\n"
    lines = [f"# {name}: its codes are kept in the file that is named below; they were found by", f"# {found}"]
    if piece.about["task"] == "generate":
        lines = [f"# {name}: drawn from the prior, {found}; its code is kept in the file that is named below."]
    return "\n".join([*(one_line(line) for line in lines), shlex.join(words_of(told)), ""])


def finding(model: str, session: Session, piece: Piece) -> str:
    """How the codes of an item were found: a command line, or in words where they were drawn."""
    if piece.about["task"] == "generate":
        return ", ".join(f"{name} {value}" for name, value in piece.about["settings"].items())
    files = session.files(piece)._replace(out=Path("results"))
    order, recipe = stored_order(piece.about), run_of(session.codes(piece))["settings"]["recipe"]
    found = command_of(order.asked, model, files, order.placing)
    return shlex.join(flags_of(_starting_as(found, recipe), order.asked.task))


def _starting_as(kind: Invert | Restore, recipe: dict[str, Any]) -> Invert | Restore:
    """A command that starts where a stored result did: one without the encoder may be older than the encoder is."""
    may_start_there = isinstance(kind, Deblur) or (isinstance(kind, Invert) and kind.recipe().encoder == "auto")
    has_start = "start" in find_method(kind.method).options
    if kind.start != "auto" or "encoder" in recipe or not may_start_there or not has_start:
        return kind
    return dataclasses.replace(kind, start=recipe["parametrization"].get("start", "random"))


def flags_of(kind: Any, name: str) -> list[str]:
    """A command's dataclass as the words that make it: its positional field, and what is not as it is by itself."""
    words = ["gprior", name, *map(str, kind.inputs)]
    for field in dataclasses.fields(kind):
        value = getattr(kind, field.name)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if field.name == "inputs":
            continue
        if value is True and default is False:
            words.append(flag_of(field.name))
        elif value != default and value is not None:
            words += [flag_of(field.name), *(map(str, value) if isinstance(value, tuple) else [str(value)])]
    return words


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def python(told: Told) -> str:
    """A program that draws the picture; of a restoration as it was found, one that reads it."""
    if told.is_restored:
        return reading(told.source, told.picture, "to_uint8(record.image)")
    edit, model = told.edit, repr(told.model)
    moves = [slider for slider in edit.sliders if slider.strength]
    lines = [
        f'"""Draws {one_line(told.picture)}."""'.replace("\\", "/"),
        "",
        "import gprior_jax as gp",
        "from gprior_jax import editing",
        "from gprior_jax.images.arrays import to_uint8",
        "",
        f"prior = gp.prepare(gp.load({model}))",
        f"[point] = gp.runs.read_points(prior, {str(told.source)!r})",
    ]
    for name, path in _others(told):
        lines.append(f"[{name}] = gp.runs.read_points(prior, {str(path)!r})")
    arguments = ["prior", "point"]
    if moves:
        lines += ["sliders = ["]
        for slider in moves:
            source = repr(told.known[slider.direction].source)
            layers = f", editing.style_layers({slider.layers!r}, prior.num_styles)" if slider.layers else ""
            read = f"gp.runs.read_directions({source}, prior, model={model})[0]"
            lines.append(f"    editing.Slider({read}, {float(slider.strength)!r}{layers}),")
        lines.append("]")
        arguments.append("sliders")
    if edit.morph is not None:
        arguments.append(f"towards=(towards, {edit.morph.at!r})")
    if edit.mix is not None:
        arguments.append(f"styles=(donor, {edit.mix.layers!r})")
    if edit.psi != 1.0:
        arguments.append(f"psi={edit.psi!r}")
    return "\n".join(
        [
            *lines,
            f"edited = editing.combined({', '.join(arguments)})",
            "variables = {name: value[None] for name, value in edited.variables.items()}",
            "images = editing.render(prior, variables, edited.parametrization)",
            *([_keeping(told)] if told.keeps else ()),
            f"gp.save_image({told.picture!r}, to_uint8(images[0]))",
            "",
        ]
    )


def _keeping(told: Told) -> str:
    """The line of a program that keeps what was known of restored pictures."""
    given = [repr(str(told.source)), "images"]
    if (morph := told.edit.morph) is not None:
        given.append(f"towards=({str(told.others[morph.item])!r}, {morph.at!r})")
    return f"images = gp.runs.keep_measured({', '.join(given)})"


def reading(source: Path, picture: str, what: str) -> str:
    """A program that saves a picture of a restoration as it was found.

    Args:
        source: file of its record.
        picture: what it is called.
        what: where it is in the record, an expression.
    """
    lines = [f'"""Saves {one_line(picture)}, as the restoration was found."""'.replace("\\", "/"), ""]
    lines += ["import gprior_jax as gp"]
    lines += ["from gprior_jax.images.arrays import to_uint8"] if "to_uint8" in what else []
    lines += ["", f"record = gp.runs.read_record({str(source)!r})", f"gp.save_image({picture!r}, {what})", ""]
    return "\n".join(lines)


def _others(told: Told) -> Sequence[tuple[str, Path]]:
    named = {"towards": told.edit.morph, "donor": told.edit.mix}
    return [(name, told.others[each.item]) for name, each in named.items() if each is not None]


def one_line(text: str) -> str:
    """Text without line breaks."""
    return " ".join(text.split())
