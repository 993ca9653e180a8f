"""Decode an untrusted image into two clean PNGs: a program of its own, never imported by the app.

`python -I core/profile/logo_decoder.py` reads an upload from standard input. It writes the line
`clean <bytes of the image> <bytes of the thumbnail>` and both PNGs, or one of the lines `unknown`
and `large`. On a damaged image it may fail in any way, as decoders do. It limits its own memory and
processor time before it reads.
"""

import io
import resource
import sys
import warnings

from PIL import (
    Image,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

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
_GREY_FACTORS = {"L;2": 85.0, "L;4": 17.0, "I;16B": 1 / 256}
"""Factors from a file's grey levels to 8 bits, by raw mode. Pillow clips 16-bit greys, and does not
scale the transparent grey of 2 and 4 bits.
"""
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
    try:
        image = Image.open(io.BytesIO(upload), formats=FORMATS)
    except UnidentifiedImageError:
        return b"unknown\n"
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return b"large\n"
    if max(image.size) > MAX_PIXELS:
        return b"large\n"

    small = _reduced(image)
    png, thumbnail = _png(small, LOGO_PIXELS), _png(small, THUMBNAIL_PIXELS)
    return b"clean %d %d\n" % (len(png), len(thumbnail)) + png + thumbnail


def _reduced(image: ImageFile.ImageFile) -> Image.Image:
    """Return the first frame upright, without metadata and a little larger than the logo."""
    frame = _in_eight_bits(image)
    mode = "RGBA" if frame.has_transparency_data else "RGB"
    factor = max(1, max(frame.size) // _REDUCED_PIXELS)
    small = Image.new(mode, (-(-frame.width // factor), -(-frame.height // factor)))
    for top in range(0, frame.height, _BAND_ROWS * factor):
        bottom = min(top + _BAND_ROWS * factor, frame.height)
        band = frame.crop((0, top, frame.width, bottom)).convert(mode)
        small.paste(band.reduce(factor), (0, top // factor))
    small.getexif()[_ORIENTATION] = image.getexif().get(_ORIENTATION, 1)
    return ImageOps.exif_transpose(small)


def _in_eight_bits(image: ImageFile.ImageFile) -> Image.Image:
    """Return the first frame with its greys, also the transparent one, in 8 bits."""
    image.draft(None, (LOGO_PIXELS, LOGO_PIXELS))
    factor = _GREY_FACTORS.get(str(image.tile[0].args), 1.0) if image.tile else 1.0
    image.load()
    frame: Image.Image = image
    transparent = frame.info.pop("transparency", None)
    if frame.mode == "I;16":
        frame = frame.point(lambda grey: grey * factor).convert("L")
    if transparent is not None:
        frame.info["transparency"] = transparent if factor == 1.0 else int(transparent * factor)
    return frame


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
