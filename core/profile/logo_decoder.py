"""Turn somebody's picture into two clean PNGs: a process of its own, never imported by the app.

`python -I core/pictures.py` reads the upload from standard input and answers with one line, then
what the line says: `clean <bytes of the picture> <bytes of the thumbnail>` and both PNGs, or
`unknown` or `large` and nothing. On a damaged picture it fails, as decoders do, in any way. It
limits its own memory and time before it reads.
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
"""Imported one by one: Pillow would load the decoders of all its formats to find the last."""
LARGEST = 4096
PIXELS = 512
THUMBNAIL_PIXELS = 96
MEMORY_BYTES = 640 * 1024 * 1024
CPU_SECONDS = 5
_ORIENTATION = 0x0112
_GREY_STEPS = {"L;2": 85.0, "L;4": 17.0, "I;16B": 1 / 256}
"""From a file's grey to one in 8 bits: Pillow clips those of 16, and scales all but the one
that counts as transparent of those of 2 and 4.
"""
_ENOUGH_PIXELS = 768
_BAND_ROWS = 128


def main() -> None:
    """Answer for the one picture on standard input, or fail: then it is damaged."""
    _limit_ourselves()
    sys.stdout.buffer.write(_answer(sys.stdin.buffer.read()))


def _limit_ourselves() -> None:
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    Image.MAX_IMAGE_PIXELS = LARGEST * LARGEST
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def _answer(upload: bytes) -> bytes:
    try:
        picture = Image.open(io.BytesIO(upload), formats=FORMATS)
    except UnidentifiedImageError:
        return b"unknown\n"
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return b"large\n"
    if max(picture.size) > LARGEST:
        return b"large\n"

    small = _shrunk(picture)
    png, thumbnail = _png(small, PIXELS), _png(small, THUMBNAIL_PIXELS)
    return b"clean %d %d\n" % (len(png), len(thumbnail)) + png + thumbnail


def _shrunk(picture: ImageFile.ImageFile) -> Image.Image:
    """Return the first frame upright and bare, a little larger than we keep it."""
    frame = _eight_bits(picture)
    mode = "RGBA" if frame.has_transparency_data else "RGB"
    factor = max(1, max(frame.size) // _ENOUGH_PIXELS)
    small = Image.new(mode, (-(-frame.width // factor), -(-frame.height // factor)))
    for top in range(0, frame.height, _BAND_ROWS * factor):  # in bands: a whole copy is 64 MB
        bottom = min(top + _BAND_ROWS * factor, frame.height)
        band = frame.crop((0, top, frame.width, bottom)).convert(mode)
        small.paste(band.reduce(factor), (0, top // factor))
    small.getexif()[_ORIENTATION] = picture.getexif().get(_ORIENTATION, 1)
    return ImageOps.exif_transpose(small)


def _eight_bits(picture: ImageFile.ImageFile) -> Image.Image:
    """Return the first frame, its grey and the grey that counts as transparent in 8 bits."""
    picture.draft(None, (PIXELS, PIXELS))
    step = _GREY_STEPS.get(str(picture.tile[0].args), 1.0) if picture.tile else 1.0
    picture.load()
    frame: Image.Image = picture
    see_through = frame.info.pop("transparency", None)
    if frame.mode == "I;16":
        frame = frame.point(lambda grey: grey * step).convert("L")
    if see_through is not None:
        frame.info["transparency"] = see_through if step == 1.0 else int(see_through * step)
    return frame


def _png(picture: Image.Image, pixels: int) -> bytes:
    """Return a PNG that fits a square of this many pixels, without a word about its origin."""
    copy = picture.copy()
    copy.thumbnail((pixels, pixels), Image.Resampling.LANCZOS)
    bare = Image.frombytes(copy.mode, copy.size, copy.tobytes())
    file = io.BytesIO()
    bare.save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()
