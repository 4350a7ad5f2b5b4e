"""PNG files of 8 and 16 bits; Pillow writes 16 bits of gray only."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""By channels: gray, gray and alpha, RGB, RGB and alpha (PNG specification, 11.2.2)."""

_UP = 2
"""The filter that takes the differences to the row above (ibid., 9.2)."""


def encode_samples(samples: np.ndarray, profile: bytes | None = None) -> bytes:
    """PNG file of samples as they are.

    Args:
        samples: uint8 or uint16 ``[H, W, C]``, C of 1 to 4: gray or RGB, and alpha.
        profile: colour profile to embed.
    """
    if samples.dtype == np.uint16:
        return _deep(samples, profile)
    buffer = io.BytesIO()
    image = Image.fromarray(samples[..., 0] if samples.shape[-1] == 1 else samples)
    image.save(buffer, "PNG", icc_profile=profile)
    return buffer.getvalue()


def _deep(samples: np.ndarray, profile: bytes | None) -> bytes:
    height, width, channels = samples.shape
    rows = np.ascontiguousarray(samples, ">u2").view(np.uint8).reshape(height, -1)
    filtered = np.full((height, rows.shape[1] + 1), _UP, np.uint8)
    filtered[0, 1:] = rows[0]
    filtered[1:, 1:] = rows[1:] - rows[:-1]  # Modulo 256, as the filter does.
    chunks = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, _COLOUR_TYPES[channels], 0, 0, 0))
    if profile:
        chunks += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(profile))
    return _SIGNATURE + chunks + _chunk(b"IDAT", zlib.compress(filtered.tobytes())) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
