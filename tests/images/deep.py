"""Files of 16 bits a sample, written by hand: Pillow writes them of gray only."""

import struct
import zlib

import numpy as np


def write_png(path, samples, extra=b""):
    """A PNG file of uint16 samples ``[H, W, C]``: gray, gray with alpha, RGB or RGBA."""
    height, width, channels = samples.shape
    rows = samples.astype(">u2").reshape(height, -1)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def random_samples(shape, most=65535, seed=0):
    return np.random.default_rng(seed).integers(0, most + 1, shape, np.uint16)
