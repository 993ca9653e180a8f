"""Decode an untrusted image into two clean PNGs: a program of its own, never imported by the app.

`python -I core/profile/logo_decoder.py` reads an upload from standard input. It writes the line
`clean <bytes of the image> <bytes of the thumbnail>` and both PNGs, or one of the lines `unknown`
and `large`. On a damaged image it may fail in any way, as decoders do. It limits its own memory and
processor time before it reads.
"""

import io
import resource
import struct
import sys
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress

from PIL import (
    Image,
    ImageChops,
    ImageCms,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

Matrix = Sequence[Sequence[float]]

FORMATS = tuple(
    plugin.format
    for plugin in (
        PngImagePlugin.PngImageFile,
        JpegImagePlugin.JpegImageFile,
        WebPImagePlugin.WebPImageFile,
    )
)
"""Imported one by one: otherwise Pillow loads the decoders of all its formats."""
MAX_PIXELS = 4096
"""Of the longer side of an upload."""
LOGO_PIXELS = 512
THUMBNAIL_PIXELS = 96
MEMORY_BYTES = 640 * 1024 * 1024
CPU_SECONDS = 5
_ORIENTATION = 0x0112
_GREY_FACTORS = {"L;2": 85, "L;4": 17}
"""Factors from a file's grey levels to 8 bits, by raw mode: Pillow does not scale the transparent
grey of 2 and 4 bits.
"""
_HALVES = {"RGB;16B": ("RGB", "RGB;16B", "RGB;16L"), "I;16B": ("L", "L;16B", "L;16")}
"""By raw mode of 16 bits: the mode of 8 bits, and the raw modes of the high and the low bytes."""
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND")
"""Chunks that decide how a PNG looks, besides those of its colors; all others are left out."""
_MAX_PROFILE_BYTES = 4 * 1024 * 1024
_END_OF_JPEG = b"\xff\xd9"
_LAST_ROWS = 32
"""Rows that may be missing at the end of a JPEG without its last bytes: two rows of blocks."""
_PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_REDUCED_PIXELS = 768
"""The longer side is reduced to about this size first, with less memory than a resize."""
_BAND_ROWS = 128
"""Rows of the result that are made at a time: a full copy would take 64 MB."""


def main() -> None:
    """Decode the image on standard input and write the result to standard output."""
    _limit_resources()
    sys.stdout.buffer.write(_decode(sys.stdin.buffer.read()))


def _limit_resources() -> None:
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS * MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def _decode(upload: bytes) -> bytes:
    upload, profile = _read_png(upload) if upload.startswith(_PNG_SIGNATURE) else (upload, None)
    try:
        image = _open(upload)
    except UnidentifiedImageError:
        return b"unknown\n"
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return b"large\n"
    if max(image.size) > MAX_PIXELS:
        return b"large\n"

    if image.format == "JPEG" and not upload.rstrip(b"\0").endswith(_END_OF_JPEG):
        image = _completed(upload)
    small = _reduced(image, profile or image.info.get("icc_profile"), upload)
    png, thumbnail = _png(small, LOGO_PIXELS), _png(small, THUMBNAIL_PIXELS)
    return b"clean %d %d\n" % (len(png), len(thumbnail)) + png + thumbnail


def _open(upload: bytes) -> ImageFile.ImageFile:
    return Image.open(io.BytesIO(upload), formats=FORMATS)


def _completed(upload: bytes) -> ImageFile.ImageFile:
    """Return a JPEG without its end mark; raises `OSError` if more than the last rows are gone.

    The decoder stops where the file does, and with an end mark it makes up the rest: so the rows
    that differ are made up. A progressive one has something of all its rows.
    """
    image, cut = _open(upload + _END_OF_JPEG), _open(upload)
    if image.info.get("progressive"):
        return image
    for each in (image, cut):
        each.draft(None, (LOGO_PIXELS, LOGO_PIXELS))
    with suppress(OSError):
        cut.load()
    image.load()
    made_up = ImageChops.difference(image, cut._new(cut.im)).getbbox()
    if made_up is not None and made_up[1] < image.height - _LAST_ROWS:
        raise OSError("truncated")
    return _open(upload + _END_OF_JPEG)


def _reduced(image: ImageFile.ImageFile, profile: bytes | None, upload: bytes) -> Image.Image:
    """Return the first frame upright, in sRGB, without metadata, a little larger than the logo."""
    frame = _in_eight_bits(image, upload)
    mode = "CMYK" if frame.mode == "CMYK" else "RGB"
    mode = "L" if frame.mode in {"1", "L", "LA"} else mode
    if frame.has_transparency_data:
        mode = {"RGB": "RGBA", "L": "LA"}[mode]
    factor = max(1, max(frame.size) // _REDUCED_PIXELS)
    small = Image.new(mode, (-(-frame.width // factor), -(-frame.height // factor)))
    for top in range(0, frame.height, _BAND_ROWS * factor):
        bottom = min(top + _BAND_ROWS * factor, frame.height)
        band = frame.crop((0, top, frame.width, bottom)).convert(mode)
        small.paste(band.reduce(factor), (0, top // factor))
    small = _in_srgb(small, profile)
    small.getexif()[_ORIENTATION] = image.getexif().get(_ORIENTATION, 1)
    return ImageOps.exif_transpose(small)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return an image in RGB or RGBA, its colors converted from a profile if that fits."""
    mode = "RGBA" if image.mode in {"RGBA", "LA"} else "RGB"
    converted = _converted(image, profile) if profile else None
    if converted is None:
        return image.convert(mode)
    if mode == "RGBA":
        converted.putalpha(image.getchannel("A"))
    return converted


def _converted(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Return the colors of an image in sRGB; None for a profile that is broken or does not fit."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _PROFILE_MODES[source.profile.xcolor_space.strip()]
        if (mode == "CMYK") != (image.mode == "CMYK") or (mode, image.mode[:1]) == ("L", "R"):
            return None
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            *(mode, "RGB"),
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )
        return ImageCms.applyTransform(image.convert(mode), transform)
    except (ImageCms.PyCMSError, OSError, KeyError, ValueError):
        return None


def _in_eight_bits(image: ImageFile.ImageFile, upload: bytes) -> Image.Image:
    """Return the first frame with its colors, also the transparent one, in 8 bits."""
    image.draft(None, (LOGO_PIXELS, LOGO_PIXELS))
    raw = str(image.tile[0].args) if image.tile else ""
    transparent = image.info.get("transparency")
    if raw == "I;16B" or (raw in _HALVES and transparent is not None):
        return _high_bytes(upload, raw, transparent)
    image.load()
    if transparent is not None and raw in _GREY_FACTORS:
        image.info["transparency"] = transparent * _GREY_FACTORS[raw]
    return image


def _high_bytes(upload: bytes, raw: str, transparent: int | tuple[int, ...] | None) -> Image.Image:
    """Return a picture of 16 bits in 8; its transparent color is compared in all 16."""
    mode, *halves = _HALVES[raw]
    high, low = (_load_as(upload, mode, half) for half in halves)
    if transparent is None:
        return high
    levels = (transparent,) if isinstance(transparent, int) else transparent
    same = Image.new("L", high.size, 255)
    for half, shift in ((high, 8), (low, 0)):
        for band, level in zip(half.split(), levels, strict=True):
            wanted = level >> shift & 255
            same = ImageChops.darker(same, band.point([255 * (v == wanted) for v in range(256)]))
    high.info.pop("transparency", None)
    high.putalpha(ImageChops.invert(same))
    return high


def _load_as(upload: bytes, mode: str, raw: str) -> Image.Image:
    image = _open(upload)
    image._mode = mode
    image.tile = [image.tile[0]._replace(args=raw)]
    image.load()
    return image


def _read_png(upload: bytes) -> tuple[bytes, bytes | None]:
    """Return a PNG of nothing but its pixels, and the profile of its colors.

    What browsers skip, such as a wrong checksum in a comment, would make Pillow refuse the file.
    """
    kept = [_PNG_SIGNATURE]
    colors: dict[bytes, bytes] = {}
    for kind, data, is_intact, chunk in _chunks(upload):
        if kind in _PIXELS and (is_intact or kind[:1].isupper()):
            kept.append(chunk)
        elif is_intact:
            colors.setdefault(kind, data)
    return b"".join(kept), _profile_of(colors)


def _chunks(upload: bytes) -> Iterator[tuple[bytes, bytes, bool, bytes]]:
    """Yield kind, data, whether the checksum is right, and all bytes of each chunk of a PNG."""
    place = len(_PNG_SIGNATURE)
    while place + 8 <= len(upload):
        length, kind = struct.unpack_from(">I4s", upload, place)
        chunk = upload[place : place + 12 + length]
        data = chunk[8 : 8 + length]
        yield kind, data, chunk[8 + length :] == struct.pack(">I", zlib.crc32(kind + data)), chunk
        place += 12 + length


def _profile_of(colors: dict[bytes, bytes]) -> bytes | None:
    """Return the profile of a PNG by its chunks, of which the first here counts."""
    if b"iCCP" in colors:
        return _inflated(colors[b"iCCP"].partition(b"\0")[2][1:])
    if b"sRGB" in colors or len(colors.get(b"gAMA", b"")) != 4:
        return None
    (gamma,) = struct.unpack(">I", colors[b"gAMA"])
    primaries = colors.get(b"cHRM", b"")
    if gamma == 0:
        return None
    return _make_profile(100_000 / gamma, primaries if len(primaries) == 32 else _SRGB_PRIMARIES)


def _inflated(data: bytes) -> bytes | None:
    try:
        return zlib.decompressobj().decompress(data, _MAX_PROFILE_BYTES)
    except zlib.error:
        return None


_SRGB_PRIMARIES = struct.pack(">8I", 31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_D50 = (0.9642, 1.0, 0.8249)


def _make_profile(gamma: float, chromaticities: bytes) -> bytes | None:
    """Return an ICC profile of these primaries, as in the chunk cHRM, and one curve."""
    xy = [value / 100_000 for value in struct.unpack(">8I", chromaticities)]
    try:
        white, *corners = [
            (x / y, 1.0, (1 - x - y) / y) for x, y in zip(xy[::2], xy[1::2], strict=True)
        ]
        scales = _solved(_transposed(corners), white)
        to_d50 = _adaptation(white)
        columns = [
            _applied(to_d50, [scale * value for value in corner])
            for scale, corner in zip(scales, corners, strict=True)
        ]
    except ZeroDivisionError:
        return None
    tags = {
        name: b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65_536) for v in column))
        for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ", b"wtpt"), (*columns, _D50), strict=True)
    }
    curve = b"para\0\0\0\0" + struct.pack(">HHi", 0, 0, min(round(gamma * 65_536), 2**31 - 1))
    return _packed_profile(tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def _packed_profile(tags: dict[bytes, bytes]) -> bytes:
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = start + len(body)
    head = struct.pack(">I4xI4s4s4s", size, 0x04200000, b"mntr", b"RGB ", b"XYZ ") + bytes(12)
    head += b"acsp" + bytes(28) + struct.pack(">3i", *(round(value * 65_536) for value in _D50))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _adaptation(white: Sequence[float]) -> Matrix:
    """Return the matrix that adapts colors from this white to D50 (Bradford)."""
    ours, theirs = _applied(_BRADFORD, _D50), _applied(_BRADFORD, white)
    scaled = [[ours[row] / theirs[row] * value for value in _BRADFORD[row]] for row in range(3)]
    return _transposed([_solved(_BRADFORD, column) for column in _transposed(scaled)])


def _applied(matrix: Matrix, vector: Sequence[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def _transposed(matrix: Matrix) -> Matrix:
    return [list(row) for row in zip(*matrix, strict=True)]


def _solved(matrix: Matrix, vector: Sequence[float]) -> list[float]:
    """Return the solution of a system of three equations (Cramer's rule)."""
    whole = _determinant(matrix)
    columns = _transposed(matrix)
    return [
        _determinant(_transposed([*columns[:i], vector, *columns[i + 1 :]])) / whole
        for i in range(3)
    ]


def _determinant(m: Matrix) -> float:
    return sum(
        m[0][i] * (m[1][(i + 1) % 3] * m[2][(i + 2) % 3] - m[1][(i + 2) % 3] * m[2][(i + 1) % 3])
        for i in range(3)
    )


def _png(image: Image.Image, pixels: int) -> bytes:
    """Return a PNG that fits a square of this many pixels, without metadata."""
    copy = image.copy()
    copy.thumbnail((pixels, pixels), Image.Resampling.LANCZOS)
    bare = Image.frombytes(copy.mode, copy.size, copy.tobytes())
    file = io.BytesIO()
    bare.save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()
