"""Turn somebody's picture into two clean PNGs: a process of its own, never imported by the app.

`python -I core/pictures.py` reads the upload from standard input and answers with one line, then
what the line says: `clean <bytes of the picture> <bytes of the thumbnail>` and both PNGs, or
`unknown`, `large` or `damaged` and nothing. It limits its own memory and time before it reads.
"""

import io
import resource
import sys
import warnings

from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP")
LARGEST = 4096
PIXELS = 512
THUMBNAIL_PIXELS = 96
MEMORY_BYTES = 640 * 1024 * 1024
CPU_SECONDS = 5
_ORIENTATION = 0x0112
_BAND_ROWS = 512


def main() -> None:
    """Answer for the one picture on standard input."""
    _limit_ourselves()
    upload = sys.stdin.buffer.read()
    try:
        sys.stdout.buffer.write(_answer(upload))
    except (Exception, Warning):  # a decoder may fail in any way on bytes made to break it
        sys.stdout.buffer.write(b"damaged\n")


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
    except Image.UnidentifiedImageError:
        return b"unknown\n"
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return b"large\n"
    if max(picture.size) > LARGEST:
        return b"large\n"

    small = _shrunk(picture)
    png, thumbnail = _png(small, PIXELS), _png(small, THUMBNAIL_PIXELS)
    return b"clean %d %d\n" % (len(png), len(thumbnail)) + png + thumbnail


def _shrunk(picture: Image.Image) -> Image.Image:
    """Return the first frame upright, at least 512 pixels long where the original is, and bare."""
    picture.draft(None, (2 * PIXELS, 2 * PIXELS))
    picture.load()
    factor = max(1, max(picture.size) // (2 * PIXELS))
    width, height = (-(-side // factor) for side in picture.size)
    small = Image.new("RGBA", (width, height))
    for top in range(0, picture.height, _BAND_ROWS * factor):  # in bands: a whole copy is 64 MB
        bottom = min(top + _BAND_ROWS * factor, picture.height)
        band = picture.crop((0, top, picture.width, bottom)).convert("RGBA")
        small.paste(band.reduce(factor), (0, top // factor))
    small.getexif()[_ORIENTATION] = picture.getexif().get(_ORIENTATION, 1)
    return ImageOps.exif_transpose(small)


def _png(picture: Image.Image, pixels: int) -> bytes:
    """Return a PNG that fits a square of this many pixels, without a word about its origin."""
    copy = picture.copy()
    copy.thumbnail((pixels, pixels), Image.Resampling.LANCZOS)
    if copy.getextrema()[3] == (255, 255):
        copy = copy.convert("RGB")
    bare = Image.frombytes(copy.mode, copy.size, copy.tobytes())
    file = io.BytesIO()
    bare.save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()
