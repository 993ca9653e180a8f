"""Logos have the colors that Chromium shows, whatever decides them in the file."""

import base64
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from playwright.sync_api import Browser

from core.profile import logo_decoder
from tests.support import pngs

GHOSTSCRIPT = Path("/usr/share/color/icc/ghostscript")
"""Profiles of Debian's package libgs-common."""
BLOCK = 8
RGB_TOLERANCE, CMYK_TOLERANCE = 3, 10
WIDE = struct.pack(">8I", 34_567, 35_850, 73_470, 26_530, 11_520, 82_640, 15_660, 1_770)
READ = """async data => {
    const image = new Image();
    image.src = data;
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext('2d', {colorSpace: 'srgb'});
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, image.width, image.height).data;
    return btoa(pixels.reduce((text, value) => text + String.fromCharCode(value), ''));
}"""
"""The pixels in base64: Playwright takes seconds for an array of so many numbers."""


def palette(mode: str) -> Image.Image:
    """Return blocks of 64 colors: dark and light, gaudy and grey."""
    levels = (0, 85, 170, 255)
    colors = [(r, g, b) for r in levels for g in levels for b in levels]
    if mode in {"L", "LA"}:
        colors = [(4 * i, 4 * i, 4 * i) for i in range(64)]
    made = Image.new("CMYK" if mode == "CMYK" else "RGB", (8 * BLOCK, 8 * BLOCK))
    for i, color in enumerate(colors):
        ink = (*color, 255 - max(color)) if mode == "CMYK" else color
        left, top = i % 8 * BLOCK, i // 8 * BLOCK
        made.paste(ink, (left, top, left + BLOCK, top + BLOCK))
    if mode in {"RGBA", "LA"}:
        made = made.convert(mode)
        made.putalpha(Image.linear_gradient("L").resize(made.size))
        return made
    return made.convert(mode)


def file(made: Image.Image, kind: str, **options: Any) -> bytes:
    options |= {"quality": 97, "subsampling": 0} if kind == "JPEG" else {}
    options |= {"lossless": True} if kind == "WEBP" else {}
    written = io.BytesIO()
    made.save(written, kind, **options)
    return written.getvalue()


def deep_png(color_type: int, pixels: "np.ndarray[Any, Any]", transparent: bytes) -> bytes:
    """Return a PNG of 16 bits with a transparent color."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    transparency = pngs.chunk(b"tRNS", transparent)
    return pngs.make((width, height), 16, color_type, rows, transparency)


def ghostscript(*names: str) -> dict[str, bytes]:
    """Return these profiles of Ghostscript, if they are installed."""
    paths = [GHOSTSCRIPT / f"{name}.icc" for name in names]
    return {path.stem: path.read_bytes() for path in paths if path.exists()}


def with_profiles() -> Iterator[tuple[str, bytes]]:
    """Yield pictures with profiles in RGB and grey, in every format."""
    profiles = {
        "P3": logo_decoder._make_profile(2.2, pngs.P3),
        "wide": logo_decoder._make_profile(1.8, WIDE),
        "sRGB": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        "broken": b"x" * 200,
        **ghostscript("a98", "esrgb", "rommrgb", "default_rgb", "ps_rgb"),
    }
    for name, profile in profiles.items():
        for kind in ("PNG", "JPEG", "WEBP"):
            yield f"{name} {kind}", file(palette("RGB"), kind, icc_profile=profile)
        yield f"{name} RGBA", file(palette("RGBA"), "PNG", icc_profile=profile)
    for mode in ("P", "L", "LA"):
        yield f"P3 {mode}", file(palette(mode), "PNG", icc_profile=profiles["P3"])
    for name, profile in ghostscript("sgray", "default_gray").items():
        for kind in ("PNG", "JPEG"):
            yield f"{name} {kind}", file(palette("L"), kind, icc_profile=profile)


def with_gamma() -> Iterator[tuple[str, bytes]]:
    """Yield pictures whose colors a few numbers decide, as in old PNGs."""
    for gamma in (100_000, 55_556, 45_455, 30_000):
        png = pngs.with_chunks(file(palette("RGB"), "PNG"), gamma_chunk(gamma))
        yield f"gamma {gamma}", png
        yield f"gamma {gamma} P3", pngs.with_chunks(png, pngs.chunk(b"cHRM", pngs.P3))
        yield f"gamma {gamma} sRGB", pngs.with_chunks(png, pngs.chunk(b"sRGB", b"\0"))
    yield "gamma grey", pngs.with_chunks(file(palette("L"), "PNG"), gamma_chunk(100_000))


def gamma_chunk(gamma: int) -> bytes:
    return pngs.chunk(b"gAMA", struct.pack(">I", gamma))


def with_16_bits() -> Iterator[tuple[str, bytes]]:
    """Yield pictures with a transparent color beside one that differs in the last bit."""
    deep = np.random.default_rng(1).integers(0, 65_536, (9, 9, 3))
    deep[3, 4], deep[3, 5] = (300, 40_000, 9), (301, 40_000, 9)
    yield "RGB", deep_png(pngs.RGB, deep, struct.pack(">3H", 300, 40_000, 9))
    grey = np.array([[0x00FF, 0x0000, 0x00FE, 0xFFFF]])
    yield "grey", deep_png(pngs.GREY, grey, struct.pack(">H", 0x00FF))


@pytest.fixture
def rendered(browser: Browser) -> Iterator[Any]:
    """Return the pixels of a picture as Chromium shows them: RGBA, by row."""
    page = browser.new_page()

    def rendered(upload: bytes) -> "np.ndarray[Any, Any]":
        kind = "png" if upload.startswith(b"\x89PNG") else "jpeg"
        kind = "webp" if upload.startswith(b"RIFF") else kind
        data = f"data:image/{kind};base64,{base64.b64encode(upload).decode()}"
        pixels = base64.b64decode(page.evaluate(READ, data))
        return np.frombuffer(pixels, np.uint8).astype(int)

    yield rendered
    page.close()


def cleaned(upload: bytes) -> "np.ndarray[Any, Any]":
    head, _, images = logo_decoder._decode(upload).partition(b"\n")
    png = images[: int(head.split()[1])]
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")).reshape(-1).astype(int)


def visible_difference(ours: Any, theirs: Any) -> "np.ndarray[Any, Any]":
    """Return the differences of colors as they show: weighted by how opaque they are."""
    ours, theirs = ours.reshape(-1, 4), theirs.reshape(-1, 4)
    assert np.abs(ours[:, 3] - theirs[:, 3]).max() <= 1
    return np.abs(ours[:, :3] - theirs[:, :3]) * theirs[:, 3:] / 255


def test_pictures_in_rgb_have_the_colors_that_chromium_shows(rendered: Any) -> None:
    files = dict([*with_profiles(), *with_gamma(), *with_16_bits()])
    assert len(files) >= 30
    worst = {
        name: float(visible_difference(cleaned(upload), rendered(upload)).max())
        for name, upload in files.items()
    }
    assert {name: off for name, off in worst.items() if off > RGB_TOLERANCE} == {}


@pytest.mark.skipif(not GHOSTSCRIPT.exists(), reason="needs Debian's package libgs-common")
def test_pictures_in_cmyk_have_about_the_colors_that_chromium_shows(rendered: Any) -> None:
    for name in ("default_cmyk", ""):
        profile = (GHOSTSCRIPT / f"{name}.icc").read_bytes() if name else None
        upload = file(palette("CMYK"), "JPEG", icc_profile=profile)
        off = visible_difference(cleaned(upload), rendered(upload)).mean()
        assert off <= CMYK_TOLERANCE, (name, off)
