"""Logos: uploads are encoded again without metadata, or refused."""

import hashlib
import io
import os
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from core.base.errors import InvalidInput
from core.base.settings import PROJECT
from core.profile import logo_decoder, logos
from core.profile.logos import CleanLogo
from tests.support import hostile, pngs
from tests.support.depth import sample

RED, BLUE = (200, 30, 40), (20, 60, 200)


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Return an image whose left half is red and whose right half is blue."""
    made = Image.new("RGB", (width, height), BLUE)
    made.paste(RED, (0, 0, width // 2, height))
    return made.convert(mode)


def photograph(width: int, height: int) -> Image.Image:
    """Return an image that encodes like a photo: soft shapes and some noise."""
    random = np.random.default_rng(1)
    shapes = random.integers(0, 256, (height // 100, width // 100, 3), dtype=np.uint8)
    soft = np.asarray(Image.fromarray(shapes).resize((width, height), Image.Resampling.BICUBIC))
    noise = random.integers(-4, 5, (height, width, 1), dtype=np.int16)
    return Image.fromarray(np.clip(soft + noise, 0, 255).astype(np.uint8))


def file(made: Image.Image, kind: str, **options: object) -> bytes:
    """Return the image as a file of a format."""
    written = io.BytesIO()
    made.save(written, kind, **options)
    return written.getvalue()


def grey_png(bits: int, row: bytes, width: int, transparent: int) -> bytes:
    """Return a PNG with one row of greys, one of them transparent."""
    transparency = pngs.chunk(b"tRNS", struct.pack(">H", transparent))
    return pngs.make((width, 1), bits, pngs.GREY, b"\0" + row, transparency)


def opened(png: bytes) -> Image.Image:
    """Open a PNG after checking that it has no metadata."""
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


def assert_clean(logo: CleanLogo) -> None:
    """Check the size, digest and cleanness of a logo."""
    whole, thumbnail = opened(logo.png), opened(logo.thumbnail)
    assert max(whole.size) <= 512
    assert max(thumbnail.size) <= 96
    assert whole.mode in {"RGB", "RGBA"}
    assert logo.digest == hashlib.sha256(logo.png).hexdigest()


def is_near(color: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 12 for a, b in zip(color, other, strict=True))


def refusal(upload: bytes) -> str:
    """Return the refusal of an upload."""
    with pytest.raises(InvalidInput) as refused:
        logos.clean(upload)
    assert set(refused.value.fields) == {"logo"}
    sentence = refused.value.fields["logo"]
    assert "Choose a PNG, JPEG or WebP image of at most 2 MB and 4096 × 4096 pixels." in sentence
    return sentence


class TestClean:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    def test_an_image_is_scaled_down_and_keeps_its_shape_and_colors(self, kind):
        logo = logos.clean(file(picture(1200, 600), kind))
        assert_clean(logo)
        whole, thumbnail = opened(logo.png), opened(logo.thumbnail)

        assert whole.size == (512, 256)
        assert thumbnail.size == (96, 48)
        for made in (whole, thumbnail):
            assert is_near(made.getpixel((made.width // 4, made.height // 2)), RED)
            assert is_near(made.getpixel((made.width * 3 // 4, made.height // 2)), BLUE)

    def test_a_small_image_is_not_scaled_up(self):
        logo = logos.clean(file(picture(40, 30), "PNG"))
        assert opened(logo.png).size == opened(logo.thumbnail).size == (40, 30)

    @pytest.mark.parametrize(("width", "height"), [(1, 1), (4096, 1), (1, 4096), (4096, 4096)])
    def test_the_smallest_and_the_largest_images_are_accepted(self, width, height):
        assert_clean(logos.clean(file(picture(width, height), "PNG")))

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
    def test_every_mode_of_png_keeps_light_and_dark_apart(self, mode):
        made = Image.new("L", (64, 64), 250)
        made.paste(10, (0, 0, 32, 64))
        if mode == "I;16":
            made = Image.fromarray(np.asarray(made).astype(np.uint16) * 257)
        whole = opened(logos.clean(file(made.convert(mode), "PNG")).png).convert("L")

        assert whole.getpixel((16, 32)) < 20
        assert whole.getpixel((48, 32)) > 240

    def test_a_cmyk_jpeg_is_accepted(self):
        assert_clean(logos.clean(file(picture(600, 600, "CMYK"), "JPEG")))

    @pytest.mark.parametrize("kind", ["PNG", "WEBP"])
    def test_transparency_is_kept(self, kind):
        made = picture(1000, 1000, "RGBA")
        made.paste((0, 0, 0, 0), (0, 500, 1000, 1000))
        whole = opened(logos.clean(file(made, kind)).png)

        assert whole.getpixel((128, 400))[3] == 0
        assert whole.getpixel((128, 100))[3] == 255

    @pytest.mark.parametrize(
        ("bits", "row", "width", "transparent"),
        [
            (1, b"\x80", 2, 1),
            (2, b"\xc0", 2, 3),
            (4, b"\xf0", 2, 15),
            (8, b"\xff\x00", 2, 255),
            (16, b"\xff\xff\x00\x00", 2, 65535),
        ],
    )
    def test_a_transparent_grey_is_kept_at_every_bit_depth(self, bits, row, width, transparent):
        whole = opened(logos.clean(grey_png(bits, row, width, transparent)).png)
        assert [whole.getpixel((x, 0))[3] for x in (0, 1)] == [0, 255]

    def test_only_the_first_frame_is_kept(self):
        for kind in ("PNG", "WEBP"):
            still, other = Image.new("RGB", (50, 50), RED), Image.new("RGB", (50, 50), BLUE)
            upload = file(still, kind, save_all=True, append_images=[other], lossless=True)
            assert is_near(opened(logos.clean(upload).png).getpixel((25, 25)), RED)

    def test_a_phone_photo_is_turned_upright_and_loses_its_location(self):
        made = photograph(4000, 3000)
        made.paste(RED, (0, 0, 4000, 300))  # the camera's top, on the right when upright
        exif = Image.Exif()
        exif[0x0112] = 6
        exif[0x010E] = "At home"
        exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
        logo = logos.clean(file(made, "JPEG", quality=75, exif=exif))
        assert_clean(logo)

        whole = opened(logo.png)
        assert whole.size == (384, 512)
        assert is_near(whole.getpixel((380, 256)), RED)
        assert not is_near(whole.getpixel((4, 256)), RED)

    @pytest.mark.parametrize(
        ("kind", "orientation"), sample([*product(["JPEG", "PNG", "WEBP"], range(1, 9))], 3)
    )
    def test_every_orientation_is_turned_upright(self, kind, orientation):
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

    def test_all_metadata_is_removed(self):
        words = PngImagePlugin.PngInfo()
        words.add_text("Comment", "<script>alert(1)</script>")
        words.add_itxt("XML:com.adobe.xmp", "<x/>", zip=True)
        upload = file(picture(60, 60), "PNG", pnginfo=words, dpi=(300, 300), icc_profile=b"x" * 200)
        assert_clean(logos.clean(upload))

    def test_the_same_image_has_the_same_digest(self):
        upload = file(picture(300, 300), "JPEG")
        assert logos.clean(upload).digest == logos.clean(upload).digest

    def test_threads_can_clean_logos_in_parallel(self):
        uploads = [file(picture(100 + n, 100), "PNG") for n in range(6)]
        with ThreadPoolExecutor(6) as pool:
            made = list(pool.map(logos.clean, uploads))
        assert [opened(logo.png).width for logo in made] == [100 + n for n in range(6)]


def with_chunk(kind: bytes, data: bytes, *, checksum: int | None = None) -> bytes:
    """Return a PNG with one more chunk."""
    return pngs.with_chunks(file(picture(60, 60), "PNG"), pngs.chunk(kind, data, checksum=checksum))


class TestWhatBrowsersSkip:
    @pytest.mark.parametrize(
        "upload",
        [
            with_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 1_100_000)),
            with_chunk(b"iCCP", b"Profile\0\0" + zlib.compress(os.urandom(1_200_000))),
            with_chunk(b"tEXt", b"Comment\0Hello", checksum=1),
            with_chunk(b"tIME", b"too short"),
            file(picture(60, 60), "PNG")[:-12],  # without its last chunk
        ],
        ids=["long text", "long profile", "wrong checksum", "wrong length", "no end"],
    )
    def test_a_png_is_its_pixels(self, upload):
        whole = opened(logos.clean(upload).png)
        assert is_near(whole.getpixel((15, 30)), RED)
        assert is_near(whole.getpixel((45, 30)), BLUE)

    @pytest.mark.parametrize("progressive", [False, True])
    def test_a_jpeg_may_lack_its_last_bytes(self, progressive):
        upload = file(photograph(400, 400), "JPEG", progressive=progressive)
        whole = np.asarray(opened(logos.clean(upload).png)).astype(int)
        for cut in (1, 2):
            same = np.asarray(opened(logos.clean(upload[:-cut]).png)).astype(int)
            assert np.abs(whole - same).max() <= 1

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    def test_a_profile_is_converted_before_it_goes(self, kind):
        wide = logo_decoder._make_profile(2.2, pngs.P3)
        made = Image.new("RGB", (64, 64), (200, 60, 60))
        whole = opened(logos.clean(file(made, kind, icc_profile=wide, quality=95)).png)
        assert is_near(whole.getpixel((32, 32)), (215, 44, 53))


class TestRefusals:
    def test_a_file_that_is_not_an_image(self):
        for upload in (
            b"x",
            b"\x89PNG\r\n\x1a\n",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"\0",
        ):
            assert "read that file as an image" in refusal(upload)

    @pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO", "PPM"])
    def test_images_of_other_formats(self, kind):
        assert "read that file as an image" in refusal(file(picture(32, 32), kind))

    def test_an_empty_file(self):
        assert "empty" in refusal(b"")

    def test_a_file_that_is_too_big(self):
        assert "3.0 MB" in refusal(b"\x89PNG\r\n\x1a\n" + b"\0" * 3 * 1024 * 1024)

    @pytest.mark.parametrize(("width", "height"), [(4097, 10), (10, 4097), (5000, 5000)])
    def test_an_image_with_too_many_pixels(self, width, height):
        assert "too many pixels" in refusal(file(Image.new("L", (width, height)), "PNG"))

    def test_a_decompression_bomb_is_not_decoded(self):
        bomb = pngs.make((100_000, 100_000), 8, pngs.RGBA, b"\0")
        assert "too many pixels" in refusal(bomb)

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    def test_a_truncated_image(self, kind):
        upload = file(photograph(400, 400), kind)
        assert "damaged" in refusal(upload[: len(upload) // 2])

    def test_a_crash_of_the_decoder_is_a_damaged_image(self, monkeypatch, tmp_path, caplog):
        program = tmp_path / "program.py"
        program.write_text("import os\nos.abort()\n")
        monkeypatch.setattr(logos, "_PROGRAM", program)
        assert "damaged" in refusal(file(picture(9, 9), "PNG"))
        assert "SIGABRT" in caplog.text

    def test_a_hanging_decoder_is_killed(self, monkeypatch, tmp_path):
        program = tmp_path / "program.py"
        program.write_text("while True: pass\n")
        monkeypatch.setattr(logos, "_PROGRAM", program)
        monkeypatch.setattr(logos, "DECODER_TIMEOUT", 0.2)
        assert "damaged" in refusal(file(picture(9, 9), "PNG"))

    @pytest.mark.parametrize(
        ("work", "ends"),
        [
            ("bytearray(logo_decoder.MEMORY_BYTES)", "MemoryError"),
            ("while True: pass", "SIGKILL"),
        ],
    )
    def test_the_decoder_limits_its_memory_and_time(
        self, monkeypatch, tmp_path, caplog, work: str, ends: str
    ):
        program = tmp_path / "program.py"
        folder = str(logos._PROGRAM.parent)
        program.write_text(
            f"import sys; sys.path.append({folder!r})\n"
            "import logo_decoder\nlogo_decoder.CPU_SECONDS = 1\nlogo_decoder._limit_resources()\n"
            f"{work}\n"
        )
        monkeypatch.setattr(logos, "_PROGRAM", program)
        monkeypatch.setattr(logos, "DECODER_TIMEOUT", 120)  # on a busy machine a second takes long
        assert "damaged" in refusal(file(picture(9, 9), "PNG"))
        assert ends in caplog.text

    def test_output_that_is_no_png_is_an_error(self, monkeypatch, tmp_path):
        program = tmp_path / "program.py"
        program.write_text("print('clean 3 3\\nabcdef', end='')\n")
        monkeypatch.setattr(logos, "_PROGRAM", program)
        with pytest.raises(RuntimeError, match="something other"):
            logos.clean(file(picture(9, 9), "PNG"))


def test_a_started_app_has_not_loaded_the_decoder(tmp_path):
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


def clean_or_refusal(upload: bytes) -> CleanLogo | str:
    """Return the logo, or the refusal of the upload."""
    try:
        return logos.clean(upload)
    except InvalidInput as why:
        return why.fields["logo"]


def test_hostile_images_are_cleaned_or_refused():
    paths = sample(hostile.images(), 6)
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(clean_or_refusal, [path.read_bytes() for path in paths]))
    for path, logo in zip(paths, made, strict=True):
        if isinstance(logo, CleanLogo):
            assert_clean(logo)
        else:
            assert logo.endswith("4096 × 4096 pixels."), path
            assert not path.name.startswith("bas"), path  # PngSuite's correct ones
    assert sum(isinstance(logo, CleanLogo) for logo in made) > len(paths) * 0.674
