"""What ``gprior explain`` writes: pictures, tables and the record of each result."""

import colorsys
import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gprior_jax.images import arrays as im
from gprior_jax.images.files import save_image
from gprior_jax.metrics.explain import codes_a_channel
from gprior_jax.runs.explaining import Explained
from gprior_jax.storage.atomic import write_arrays, write_text

_TOP = 8
"""Channels of a code that are named."""


def row_of(found: Explained) -> dict[str, Any]:
    """The record of a result, for JSON; what is not finite is None."""
    layer = found.parametrization.layer
    leaders, many = found.shares.argmax(axis=0), np.asarray(codes_a_channel(found.shares))
    return {
        "name": found.name,
        "source": found.source,
        "layer": layer,
        "channels": found.shares.shape[1],
        "by": found.by,
        "gross_weight": found.gross,
        "psnr": finite(found.psnr),
        "compared_with": "target" if found.target is not None else "result",
        "similarity": finite(found.similarity),
        "codes_a_channel": float(many.mean()),
        "codes": [_code_row(found, int(code), rank, leaders) for rank, code in enumerate(found.order)],
        "ablation": {
            "most_important_first": [finite(value) for value in found.most_first],
            "least_important_first": [finite(value) for value in found.least_first],
        },
        "regions": {name: _region_row(found, name) for name in found.regions},
    }


def _code_row(found: Explained, code: int, rank: int, leaders: np.ndarray) -> dict[str, Any]:
    own = found.shares[code]
    top = np.argsort(-own, kind="stable")[:_TOP]
    return {
        "code": code,
        "rank": rank,
        "importance": float(found.importance[code]),
        "left_out_channels": int(found.taken[code]),
        "psnr_without": finite(found.alone[code]),
        "leads_channels": int(((leaders == code) & (own > 0)).sum()),
        "share_of_channels": float(own.mean()),
        "top_channels": {str(channel): float(own[channel]) for channel in top if own[channel] > 0},
        "region": found.labels[code],
        "overlaps": {
            name: {field: float(np.asarray(values)[code]) for field, values in overlap._asdict().items()}
            for name, overlap in found.overlaps.items()
        },
    }


def _region_row(found: Explained, name: str) -> dict[str, Any]:
    gains, ious = (np.asarray(values) for values in (found.overlaps[name].gain, found.overlaps[name].iou))
    best = int(gains.argmax())
    return {
        "share": float(found.regions[name].mean()),
        "code": best,
        "iou": float(ious[best]),
        "gain": float(gains[best]),
        "mean_iou": float(ious.mean()),
        "codes": [code for code, label in enumerate(found.labels) if label == name],
    }


def finite(value: float) -> float | None:
    """A number for JSON, which has no infinity and no NaN."""
    return float(value) if math.isfinite(value) else None


def write_result(folder: Path, found: Explained) -> None:
    """Write a result's pictures and arrays into a folder that is there: ``sheet.png`` and all that it consists of."""
    save_image(folder / "sheet.png", sheet(found))
    save_image(folder / "territories.png", territories(found))
    for kind, pictures in _pictures(found).items():
        (folder / kind).mkdir()
        for code, picture in enumerate(pictures):
            save_image(folder / kind / f"{code:02d}.png", picture)
    arrays = {"influence": found.maps, "importance": found.importance, "channel_shares": found.shares}
    arrays |= {f"region_{name}": region for name, region in found.regions.items()}
    write_arrays(folder / "explained.npz", arrays)


def _pictures(found: Explained) -> dict[str, np.ndarray]:
    """Pictures of every code, uint8 ``[N, R, R, 3]``: its own, the result without it, its map over the result."""
    own, without = (im.rgb_uint8(im.to_uint8(images)) for images in (found.own, found.without))
    return {"own": own, "without": without, "maps": np.stack([overlaid(found.image, each) for each in found.maps])}


def sheet(found: Explained) -> np.ndarray:
    """All at a glance, uint8: target, result and territories, then a row for each code, the most important first.

    A row holds the code's own picture, the result without it and its map; with regions, also the one that it agrees
    with most, where its map says so too white, where only the map does orange, and where only the region does blue.
    """
    target = found.image if found.target is None else found.target
    columns = 4 if found.regions else 3
    blank = np.full((*found.image.shape[:2], 3), 255, np.uint8)
    cells = [im.rgb_uint8(im.to_uint8(target)), im.rgb_uint8(im.to_uint8(found.image)), territories(found)]
    cells += [blank] * (columns - len(cells))
    pictures = _pictures(found)
    for code in found.order:
        cells += [pictures[kind][code] for kind in ("own", "without", "maps")]
        if found.regions:
            label = found.labels[code]
            cells.append(blank if label is None else _agreement(found, int(code), label))
    return im.grid(np.stack(cells), columns, pad=2)


_ORANGE, _BLUE, _WHITE = (np.array(rgb, np.float32) for rgb in ((255, 160, 0), (0, 114, 178), (255, 255, 255)))
_BRIGHTEST = 0.99
"""Quantile of a map that is shown in full colour: a few pixels would leave the rest dark."""


def _backdrop(image: np.ndarray) -> np.ndarray:
    """A picture in dim gray, for colours to lie over: ``[R, R, 1]`` in [0, 255]."""
    gray = im.rgb_uint8(im.to_uint8(image)).astype(np.float32).mean(axis=-1, keepdims=True)
    return 40.0 + 0.5 * gray


def _coloured(image: np.ndarray, colours: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Colours over a picture, uint8."""
    mixed = _backdrop(image) * (1.0 - strength) + colours * strength
    return np.round(np.clip(mixed, 0, 255)).astype(np.uint8)


def overlaid(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A map in orange over a picture in gray, uint8 ``[R, R, 3]``; each map in colours up to its own largest values."""
    largest = float(np.quantile(values, _BRIGHTEST)) or float(values.max())
    strength = np.clip(values / largest, 0, 1) if largest > 0 else np.zeros_like(values)
    return _coloured(image, _ORANGE, strength[..., None])


def code_colours(number: int) -> np.ndarray:
    """The colours of so many codes, float32 ``[N, 3]`` in [0, 255]."""
    # Hues by the golden ratio: codes that follow each other are told apart.
    hues = [colorsys.hsv_to_rgb(0.618034 * code % 1.0, 0.85, 1.0) for code in range(number)]
    return 255.0 * np.asarray(hues, np.float32)


def territories(found: Explained) -> np.ndarray:
    """The picture in gray, in every pixel coloured by the code that has most influence there; uint8."""
    colours = code_colours(len(found.maps))
    strength = 0.5 * (found.maps.max(axis=0) > 0)
    return _coloured(found.image, colours[found.maps.argmax(axis=0)], strength[..., None])


def _agreement(found: Explained, code: int, label: str) -> np.ndarray:
    region = found.regions[label]
    threshold = np.asarray(found.overlaps[label].threshold)[code]
    inside = (found.maps[code] >= threshold) & (found.maps[code] > 0)
    colours = np.where((inside & region)[..., None], _WHITE, np.where(inside[..., None], _ORANGE, _BLUE))
    return _coloured(found.image, colours, 0.7 * (inside | region)[..., None])


def write_tables(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write ``codes.csv`` (a row for every code of every result) and ``ablation.csv`` (for every number left out)."""
    regions = sorted({name for row in rows for name in row["regions"]})
    codes, ablation = [], []
    for row in rows:
        for code in row["codes"]:
            plain = {n: v for n, v in code.items() if n not in ("top_channels", "overlaps")}
            fits = {
                f"{field} {name}": code["overlaps"].get(name, {}).get(field)
                for name in regions
                for field in ("iou", "gain", "threshold")
            }
            codes.append({"name": row["name"], "layer": row["layer"]} | plain | fits)
        curves = row["ablation"]
        for left_out in range(len(row["codes"])):
            psnr = {f"psnr {order}": values[left_out] for order, values in curves.items()}
            ablation.append({"name": row["name"], "layer": row["layer"], "left_out": left_out} | psnr)
    write_text(folder / "codes.csv", _table(codes))
    write_text(folder / "ablation.csv", _table(ablation))


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({n: f"{v:.6g}" if isinstance(v, float) else v for n, v in row.items()} for row in rows)
    return text.getvalue()
