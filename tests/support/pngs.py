"""PNG files written chunk by chunk, as no library writes them."""

import struct
import zlib
from typing import Final

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
GREY, RGB, RGBA = 0, 2, 6
"""Color types."""
P3: Final = struct.pack(">8I", 31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000)
"""The white point and primaries of Display P3, as in a cHRM chunk."""
_END_OF_HEADER: Final = 33


def chunk(kind: bytes, data: bytes, *, checksum: int | None = None) -> bytes:
    """Return a chunk, with its own checksum or a wrong one."""
    crc = zlib.crc32(kind + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """Return a PNG with more chunks between its header and its pixels."""
    return png[:_END_OF_HEADER] + b"".join(chunks) + png[_END_OF_HEADER:]


def make(
    size: tuple[int, int],
    bits: int,
    color_type: int,
    rows: bytes,
    *chunks: bytes,
    is_interlaced: bool = False,
) -> bytes:
    """Return a PNG of rows that each begin with their filter, with these chunks before them."""
    header = struct.pack(">IIBBBBB", *size, bits, color_type, 0, 0, int(is_interlaced))
    pixels = chunk(b"IDAT", zlib.compress(rows, 9))
    return SIGNATURE + chunk(b"IHDR", header) + b"".join(chunks) + pixels + chunk(b"IEND", b"")
