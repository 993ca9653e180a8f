"""Pictures as people upload them: ours and clean afterwards, or refused with what is accepted."""

import hashlib
import io
import os
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from core.base.errors import InvalidInput
from core.base.settings import PROJECT
from core.profile import logos
from core.profile.logos import CleanLogo
from tests.support import hostile

RED, BLUE = (200, 30, 40), (20, 60, 200)


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Return a picture whose left half is red and whose right half is blue."""
    made = Image.new("RGB", (width, height), BLUE)
    made.paste(RED, (0, 0, width // 2, height))
    return made.convert(mode)


def photograph(width: int, height: int) -> Image.Image:
    """Return what looks like a photograph to an encoder: soft shapes and some noise."""
    random = np.random.default_rng(1)
    shapes = random.integers(0, 256, (height // 100, width // 100, 3), dtype=np.uint8)
    soft = np.asarray(Image.fromarray(shapes).resize((width, height), Image.Resampling.BICUBIC))
    noise = random.integers(-4, 5, (height, width, 1), dtype=np.int16)
    return Image.fromarray(np.clip(soft + noise, 0, 255).astype(np.uint8))


def file(made: Image.Image, kind: str, **options: object) -> bytes:
    """Return the picture as a file of this kind."""
    written = io.BytesIO()
    made.save(written, kind, **options)
    return written.getvalue()


def grey_png(bits: int, row: bytes, width: int, see_through: int) -> bytes:
    """Return a PNG of one row of grey, one of whose greys is transparent."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, bits, 0, 0, 0, 0))
        + chunk(b"tRNS", struct.pack(">H", see_through))
        + chunk(b"IDAT", zlib.compress(b"\0" + row))
        + chunk(b"IEND", b"")
    )


def opened(png: bytes) -> Image.Image:
    """Open what we made, after proving that nothing but a picture is in it."""
    chunks, place = [], 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        chunks.append(png[place + 4 : place + 8])
        place += 12 + length
    assert set(chunks) <= {b"IHDR", b"IDAT", b"IEND"}
    made = Image.open(io.BytesIO(png))
    made.load()
    assert made.info == {}
    return made


def ensure_ours(logo: CleanLogo) -> None:
    """Prove that a logo is what it should be, whatever it was made of."""
    whole, thumbnail = opened(logo.png), opened(logo.thumbnail)
    assert max(whole.size) <= 512
    assert max(thumbnail.size) <= 96
    assert whole.mode in {"RGB", "RGBA"}
    assert logo.digest == hashlib.sha256(logo.png).hexdigest()


def is_near(color: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 12 for a, b in zip(color, other, strict=True))


def refusal(upload: bytes) -> str:
    """Return the sentence with which an upload is refused."""
    with pytest.raises(InvalidInput) as refused:
        logos.clean(upload)
    assert set(refused.value.fields) == {"logo"}
    sentence = refused.value.fields["logo"]
    assert "Choose a PNG, JPEG or WebP image of at most 2 MB and 4096 × 4096 pixels." in sentence
    return sentence


class TestClean:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    def test_a_picture_is_made_small_and_keeps_its_shape_and_colors(self, kind):
        logo = logos.clean(file(picture(1200, 600), kind))
        ensure_ours(logo)
        whole, thumbnail = opened(logo.png), opened(logo.thumbnail)

        assert whole.size == (512, 256)
        assert thumbnail.size == (96, 48)
        for made in (whole, thumbnail):
            assert is_near(made.getpixel((made.width // 4, made.height // 2)), RED)
            assert is_near(made.getpixel((made.width * 3 // 4, made.height // 2)), BLUE)

    def test_a_small_picture_stays_small(self):
        logo = logos.clean(file(picture(40, 30), "PNG"))
        assert opened(logo.png).size == opened(logo.thumbnail).size == (40, 30)

    @pytest.mark.parametrize(("width", "height"), [(1, 1), (4096, 1), (1, 4096), (4096, 4096)])
    def test_the_smallest_and_the_largest_are_taken(self, width, height):
        ensure_ours(logos.clean(file(picture(width, height), "PNG")))

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
    def test_every_kind_of_png_keeps_light_and_dark_apart(self, mode):
        made = Image.new("L", (64, 64), 250)
        made.paste(10, (0, 0, 32, 64))
        if mode == "I;16":
            made = Image.fromarray(np.asarray(made).astype(np.uint16) * 257)
        whole = opened(logos.clean(file(made.convert(mode), "PNG")).png).convert("L")

        assert whole.getpixel((16, 32)) < 20
        assert whole.getpixel((48, 32)) > 240

    def test_a_jpeg_for_print_is_taken(self):
        ensure_ours(logos.clean(file(picture(600, 600, "CMYK"), "JPEG")))

    @pytest.mark.parametrize("kind", ["PNG", "WEBP"])
    def test_what_is_transparent_stays_so(self, kind):
        made = picture(1000, 1000, "RGBA")
        made.paste((0, 0, 0, 0), (0, 500, 1000, 1000))
        whole = opened(logos.clean(file(made, kind)).png)

        assert whole.getpixel((128, 400))[3] == 0
        assert whole.getpixel((128, 100))[3] == 255

    @pytest.mark.parametrize(
        ("bits", "row", "width", "see_through"),
        [
            (1, b"\x80", 2, 1),
            (2, b"\xc0", 2, 3),
            (4, b"\xf0", 2, 15),
            (8, b"\xff\x00", 2, 255),
            (16, b"\xff\xff\x00\x00", 2, 65535),
        ],
    )
    def test_a_transparent_grey_is_transparent_at_every_depth(self, bits, row, width, see_through):
        whole = opened(logos.clean(grey_png(bits, row, width, see_through)).png)
        assert [whole.getpixel((x, 0))[3] for x in (0, 1)] == [0, 255]

    def test_only_the_first_frame_is_taken(self):
        for kind in ("PNG", "WEBP"):
            still, other = Image.new("RGB", (50, 50), RED), Image.new("RGB", (50, 50), BLUE)
            upload = file(still, kind, save_all=True, append_images=[other], lossless=True)
            assert is_near(opened(logos.clean(upload).png).getpixel((25, 25)), RED)

    def test_a_photograph_of_a_phone_is_turned_upright_and_forgets_where_it_was_taken(self):
        made = photograph(4000, 3000)
        made.paste(RED, (0, 0, 4000, 300))  # the camera's top, on the right when upright
        exif = Image.Exif()
        exif[0x0112] = 6
        exif[0x010E] = "At home"
        exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
        logo = logos.clean(file(made, "JPEG", quality=75, exif=exif))
        ensure_ours(logo)

        whole = opened(logo.png)
        assert whole.size == (384, 512)
        assert is_near(whole.getpixel((380, 256)), RED)
        assert not is_near(whole.getpixel((4, 256)), RED)

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    def test_every_orientation_is_undone(self, orientation, kind):
        upright = Image.new("RGB", (200, 120), BLUE)
        upright.paste(RED, (0, 0, 60, 40))
        turn = {
            2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE",
            6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270",
        }.get(orientation)  # fmt: skip
        lying = upright.transpose(Image.Transpose[turn]) if turn else upright
        exif = Image.Exif()
        exif[0x0112] = orientation
        whole = opened(logos.clean(file(lying, kind, exif=exif)).png)

        assert whole.size == (200, 120)
        assert is_near(whole.getpixel((30, 20)), RED)
        assert is_near(whole.getpixel((170, 100)), BLUE)

    def test_words_profiles_and_sizes_are_gone(self):
        words = PngImagePlugin.PngInfo()
        words.add_text("Comment", "<script>alert(1)</script>")
        words.add_itxt("XML:com.adobe.xmp", "<x/>", zip=True)
        upload = file(picture(60, 60), "PNG", pnginfo=words, dpi=(300, 300), icc_profile=b"x" * 200)
        ensure_ours(logos.clean(upload))

    def test_the_same_picture_has_the_same_digest(self):
        upload = file(picture(300, 300), "JPEG")
        assert logos.clean(upload).digest == logos.clean(upload).digest

    def test_threads_may_ask_at_the_same_time(self):
        uploads = [file(picture(100 + n, 100), "PNG") for n in range(6)]
        with ThreadPoolExecutor(6) as pool:
            made = list(pool.map(logos.clean, uploads))
        assert [opened(logo.png).width for logo in made] == [100 + n for n in range(6)]


class TestRefusals:
    def test_what_is_no_picture(self):
        for upload in (
            b"x",
            b"\x89PNG\r\n\x1a\n",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"\0",
        ):
            assert "read that file as an image" in refusal(upload)

    @pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO", "PPM"])
    def test_pictures_of_other_kinds_whatever_their_name(self, kind):
        assert "read that file as an image" in refusal(file(picture(32, 32), kind))

    def test_an_empty_file(self):
        assert "empty" in refusal(b"")

    def test_a_file_that_is_too_big(self):
        assert "3.0 MB" in refusal(b"\x89PNG\r\n\x1a\n" + b"\0" * 3 * 1024 * 1024)

    @pytest.mark.parametrize(("width", "height"), [(4097, 10), (10, 4097), (5000, 5000)])
    def test_a_picture_with_too_many_pixels(self, width, height):
        assert "too many pixels" in refusal(file(Image.new("L", (width, height)), "PNG"))

    def test_a_bomb_is_not_even_decoded(self):
        def chunk(kind: bytes, data: bytes) -> bytes:
            crc = struct.pack(">I", zlib.crc32(kind + data))
            return struct.pack(">I", len(data)) + kind + data + crc

        header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 6, 0, 0, 0)
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))
        assert "too many pixels" in refusal(bomb)

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    def test_a_picture_that_is_cut_off(self, kind):
        upload = file(photograph(400, 400), kind)
        assert "damaged" in refusal(upload[: len(upload) // 2])

    def test_a_process_that_dies_takes_nobody_with_it(self, monkeypatch, tmp_path, caplog):
        program = tmp_path / "program.py"
        program.write_text("import os\nos.abort()\n")
        monkeypatch.setattr(logos, "_PROGRAM", program)
        assert "damaged" in refusal(file(picture(9, 9), "PNG"))
        assert "SIGABRT" in caplog.text

    def test_a_process_that_hangs_is_ended(self, monkeypatch, tmp_path):
        program = tmp_path / "program.py"
        program.write_text("while True: pass\n")
        monkeypatch.setattr(logos, "_PROGRAM", program)
        monkeypatch.setattr(logos, "DECODER_TIMEOUT", 0.2)
        assert "damaged" in refusal(file(picture(9, 9), "PNG"))

    def test_the_process_knows_its_limits(self, monkeypatch, tmp_path):
        program = tmp_path / "program.py"
        folder = str(logos._PROGRAM.parent)
        program.write_text(
            f"import sys; sys.path.append({folder!r})\n"
            "import logo_decoder\nlogo_decoder._limit_ourselves()\n"
            "bytearray(logo_decoder.MEMORY_BYTES)\n"
        )
        monkeypatch.setattr(logos, "_PROGRAM", program)
        assert "damaged" in refusal(file(picture(9, 9), "PNG"))

    def test_an_answer_that_is_no_picture_is_not_kept(self, monkeypatch, tmp_path):
        program = tmp_path / "program.py"
        program.write_text("print('clean 3 3\\nabcdef', end='')\n")
        monkeypatch.setattr(logos, "_PROGRAM", program)
        with pytest.raises(RuntimeError, match="something other"):
            logos.clean(file(picture(9, 9), "PNG"))


def test_a_started_app_has_loaded_no_decoder(tmp_path):
    start = (
        "import asyncio, sys, app\n"
        "async def main():\n"
        "    async with app.live(app.app):\n"
        "        print([name for name in sys.modules if name.endswith('logo_decoder')])\n"
        "        print('pages.ui.navigation' in sys.modules)\n"
        "asyncio.run(main())\n"
    )
    environment = os.environ | {"FORWARDED_ALLOW_IPS": ""}
    environment["DATABASE_URL"] = f"sqlite:///{tmp_path}/started.db"
    done = subprocess.run(
        [sys.executable, "-c", start], cwd=PROJECT, env=environment, capture_output=True, text=True
    )
    assert done.stdout.split("\n")[:2] == ["[]", "True"], done.stderr


def taken_or_refused(upload: bytes) -> CleanLogo | str:
    """Return the logo, or the sentence of the refusal."""
    try:
        return logos.clean(upload)
    except InvalidInput as why:
        return why.fields["logo"]


def test_hostile_images_become_ours_or_are_refused():
    paths = hostile.images()
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(taken_or_refused, [path.read_bytes() for path in paths]))
    for path, logo in zip(paths, made, strict=True):
        if isinstance(logo, CleanLogo):
            ensure_ours(logo)
        else:
            assert logo.endswith("4096 × 4096 pixels."), path
            assert not path.name.startswith("bas"), path  # PngSuite's correct ones
    assert sum(isinstance(logo, CleanLogo) for logo in made) > 150
