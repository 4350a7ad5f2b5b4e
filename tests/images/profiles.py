"""Colour profiles built by hand, and what they mean by matrices: an oracle that shares nothing with Little CMS."""

import struct

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])
D65 = np.array([0.95047, 1.0, 1.08883])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
DISPLAY_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))


def to_xyz(primaries):
    """From linear RGB to XYZ of D50: primaries with the white of D65, adapted by Bradford's matrix."""
    columns = np.array([[x / y, 1.0, (1.0 - x - y) / y] for x, y in primaries]).T
    scaled = columns * np.linalg.solve(columns, D65)
    cones = BRADFORD @ np.stack([D65, D50], axis=1)
    return np.linalg.inv(BRADFORD) @ np.diag(cones[:, 1] / cones[:, 0]) @ BRADFORD @ scaled


def linear(values):
    """From sRGB, in [0, 1]."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encoded(values):
    """To sRGB, in [0, 1]."""
    values = np.clip(values, 0.0, 1.0)
    return np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055)


def as_srgb(pixels, primaries, decode=linear):
    """uint8 pixels of some primaries as sRGB, floats in [0, 255]; colours that it has not are clipped."""
    matrix = np.linalg.inv(to_xyz(SRGB)) @ to_xyz(primaries)
    return 255.0 * encoded(decode(pixels / 255.0) @ matrix.T)


def _fixed(value):
    return struct.pack(">i", round(float(value) * 65536))


def _xyz(values):
    return b"XYZ \0\0\0\0" + b"".join(map(_fixed, values))


def _text(text):
    return b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", 2 * len(text), 28) + text.encode("utf-16-be")


SRGB_CURVE = b"para\0\0\0\0\0\3\0\0" + b"".join(map(_fixed, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)))


def gamma_curve(gamma):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def rgb_profile(primaries, curve=SRGB_CURVE):
    columns = to_xyz(primaries).T
    tags = {name + b"XYZ": _xyz(column) for name, column in zip((b"r", b"g", b"b"), columns, strict=True)}
    return _profile(b"RGB ", tags | {name + b"TRC": curve for name in (b"r", b"g", b"b")})


def gray_profile(curve):
    return _profile(b"GRAY", {b"kTRC": curve})


def cmyk_profile():
    """Of a printer whose white is paper and whose black is any ink at all: a table of two points a channel."""
    corners = np.indices((2, 2, 2, 2)).reshape(4, -1).T
    lab = [bytes([255, 128, 128]) if not corner.any() else bytes([0, 128, 128]) for corner in corners]
    identity = bytes(range(256))
    head = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + b"".join(_fixed(v) for v in np.eye(3).ravel())
    return _profile(b"CMYK", {b"A2B0": head + identity * 4 + b"".join(lab) + identity * 3}, b"prtr", b"Lab ")


def _profile(space, tags, kind=b"mntr", connection=b"XYZ "):
    tags = {b"desc": _text("by hand"), b"cprt": _text("none"), b"wtpt": _xyz(D50)} | tags
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, offset + len(body), len(content))
        body += content + b"\0" * (-len(content) % 4)
    version = 0x04300000 if kind == b"mntr" else 0x02400000
    head = struct.pack(">I4sI4s4s4s", offset + len(body), b"none", version, kind, space, connection)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + b"".join(map(_fixed, D50))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
