"""Measure the logo decoder on the worst pictures that 2 MB can hold, and on all hostile ones.

`python -m tests.bench.logos` prints processor time and memory of each made picture and the most of
all hostile ones, and exits with 1 if one of them took more than the decoder promises.
"""

import io
import subprocess
import sys
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import typer
from PIL import Image

from core.profile import logos
from core.profile.logo_decoder import CPU_SECONDS, MAX_PIXELS, MEMORY_BYTES
from tests.support import hostile, pngs

_SIDE: Final = MAX_PIXELS
_REPORTER: Final = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
"""
"""The system counts the memory of a process before it was replaced, so its parent must be small."""


class Cost(NamedTuple):
    """What decoding one picture took, and how it ended."""

    picture: str
    kilobytes: float
    seconds: float
    megabytes: float
    verdict: str


def main() -> None:
    """Print what each picture costs, and compare it with the limits of the decoder."""
    made = [_measure(name, content) for name, content in _worst_pictures()]
    found = [_measure(path.name, path.read_bytes()) for path in hostile.images()]
    typer.echo(pd.DataFrame(made).round(2).to_string(index=False))
    for label, figures in (("made", made), ("hostile", found)):
        seconds = max((cost.seconds for cost in figures), default=0)
        megabytes = max((cost.megabytes for cost in figures), default=0)
        refused = sum(cost.verdict != "clean" for cost in figures)
        typer.echo(
            f"{label}: {len(figures)} pictures, {refused} refused; at most {seconds:.2f} s of "
            f"{CPU_SECONDS} s, {megabytes:.0f} MB of {MEMORY_BYTES >> 20} MB"
        )
    if any(_is_beyond(cost) for cost in made + found):
        raise typer.Exit(1)


def _is_beyond(cost: Cost) -> bool:
    return cost.seconds > CPU_SECONDS + 0.5 or cost.megabytes > MEMORY_BYTES >> 20


def _measure(name: str, content: bytes) -> Cost:
    """Decode a picture as uploads are, in a process whose parent is small and reports its costs."""
    command = [sys.executable, "-S", "-c", _REPORTER, sys.executable, "-I", str(logos._PROGRAM)]
    done = subprocess.run(command, input=content, capture_output=True, env={}, check=True)
    code, seconds, kilobytes = done.stderr.split()
    verdict = done.stdout.split(maxsplit=1)[0].decode() if done.stdout else "damaged"
    if code != b"0":
        verdict = f"damaged (exit {int(code)})"
    return Cost(name, len(content) / 1024, float(seconds), float(kilobytes) / 1024, verdict)


def _worst_pictures() -> Iterator[tuple[str, bytes]]:
    """Yield pictures of the largest size, each in a form that is costly to decode."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    tiles = Image.fromarray(np.tile(noise, (_SIDE // 64, _SIDE // 64, 1)))
    flat = Image.new("RGB", (_SIDE, _SIDE), (200, 30, 30))
    yield "JPEG, progressive", _encoded(flat, "JPEG", progressive=True)
    scans = _with_repeated_scans(_encoded(flat, "JPEG", progressive=True))
    yield "JPEG, as many scans as fit", scans
    yield "PNG, 16-bit grey", _deep_png(pngs.GREY, 1)
    yield "PNG, 16-bit color with alpha", _deep_png(pngs.RGBA, 4)
    yield (
        "PNG, interlaced, 16-bit color with alpha",
        _deep_png(pngs.RGBA, 4, is_interlaced=True),
    )
    yield "WebP, lossless, flat", _encoded(flat, "WEBP", lossless=True)
    yield "WebP, lossless, tiles", _encoded(tiles, "WEBP", lossless=True, quality=0, method=0)
    frames = [Image.new("RGBA", (_SIDE, _SIDE), (n, 0, 0, 9)) for n in range(8)]
    yield (
        "WebP, animated, with alpha",
        _encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True),
    )


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return _fitting(file.getvalue())


def _fitting(content: bytes) -> bytes:
    if len(content) > logos.MAX_BYTES:
        raise SystemExit(f"a made picture has {len(content):,} bytes, too many to be uploaded")
    return content


def _with_repeated_scans(jpeg: bytes) -> bytes:
    """Repeat the last scan of a progressive JPEG until it has as many bytes as may be uploaded."""
    start, end = jpeg.rindex(b"\xff\xda"), len(jpeg) - 2
    scan = jpeg[start:end]
    times = (logos.MAX_BYTES - len(jpeg)) // len(scan)
    return jpeg[:end] + scan * times + jpeg[end:]


def _deep_png(color_type: int, channels: int, *, is_interlaced: bool = False) -> bytes:
    """Return a 16-bit PNG of the largest size, all of one value."""
    passes = _ADAM7 if is_interlaced else ((_SIDE, _SIDE),)
    rows = b"".join((b"\0" + b"\x80" * (width * channels * 2)) * height for width, height in passes)
    png = pngs.make((_SIDE, _SIDE), 16, color_type, rows, is_interlaced=is_interlaced)
    return _fitting(png)


_ADAM7: Final = tuple(
    (_SIDE // across, _SIDE // down)
    for across, down in ((8, 8), (8, 8), (4, 8), (4, 4), (2, 4), (2, 2), (1, 2))
)
"""Width and height of each pass of an interlaced PNG."""


if __name__ == "__main__":
    typer.run(main)
