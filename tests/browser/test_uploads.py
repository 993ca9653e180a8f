"""Files in a real browser and at a real server: refused beside the field, and never in memory."""

import io
import re

import psutil
from httpx2 import Client
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from core.accounts import uploads
from core.database import db
from core.models import Organization, Upload
from tests.browser.acts import become, visit
from tests.browser.server import Server
from tests.support.cast import Cast
from tests.support.depth import rounds
from tests.web.test_web import sign_in

MIB = 2**20
EDGES = """() => new Promise((resolve) => {
  const box = (id) => document.querySelector(`[data-testid=${id}]`)?.getBoundingClientRect()
  const look = () => box("stToast")
    ? resolve([box("stExpandSidebarButton").right, box("stToast").left])
    : requestAnimationFrame(look)
  look()
})"""
"""Where the button that opens the sidebar ends, and a notice begins, once there is one."""
HALF_A_PICTURE = b"\xff\xd8\xff\xe0" + b"\0" * 999


def choose(page: Page, name: str, content: bytes) -> None:
    chosen = {"name": name, "mimeType": "", "buffer": content}
    page.locator(".st-key-logo-logo input[type=file]").set_input_files(chosen)


def test_the_bytes_decide_and_every_refusal_is_a_sentence_of_ours(page: Page, cast: Cast) -> None:
    become(page, cast.olga)
    visit(page, f"/profile?org={cast.acme.public_id}")
    field = page.locator(".st-key-logo-logo")
    choose(page, "big.png", b"\0" * (2 * MIB + 1))
    expect(field.get_by_text("That file is 2.0 MB. Choose a PNG, JPEG or WebP")).to_be_visible()
    expect(page.get_by_role("button", name="Save Logo")).to_have_count(0)
    choose(page, "photo.png", b"x" * (5 * MIB))
    expect(field.get_by_text("That file is 5.0 MB. Choose a PNG, JPEG or WebP")).to_be_visible()
    unread = field.get_by_text("We can't read that file as an image.")
    for name, content in (("photo.png", b"not a picture"), ("half.jpg", HALF_A_PICTURE)):
        choose(page, name, content)
        expect(field.get_by_text(name)).to_be_visible()
        expect(unread).to_have_count(0)
        page.get_by_role("button", name="Save Logo").click()
        expect(unread).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    choose(page, "photo.jfif", picture_of(80, 80))
    expect(field.get_by_text("photo.jfif")).to_be_visible()
    page.get_by_role("button", name="Save Logo").click()
    expect(page.get_by_role("button", name="Remove", exact=True)).to_be_visible()
    expect(field.get_by_text("photo.jfif")).to_have_count(0)


def test_on_a_phone_the_thumbnail_chooses_the_logo_and_a_field_changes_the_number(
    phone: Page, cast: Cast
) -> None:
    become(phone, cast.olga)
    visit(phone, f"/profile?org={cast.acme.public_id}&field=logo-logo")
    expect(phone.locator(".st-key-logo-logo input")).to_be_focused()
    phone_number = phone.locator(".st-key-profile-phone input").first
    phone_number.fill("+1 507 284 2511")
    phone_number.press("Enter")
    opener, notice = phone.evaluate(EDGES)
    assert opener <= notice
    expect(phone.get_by_test_id("stToast")).to_contain_text("Profile saved")

    field = phone.locator(".st-key-logo-logo")
    for picture in ("logo.png", "wide.png"):
        with phone.expect_file_chooser() as opened:
            field.locator(".picture").tap()
        content = picture_of(1600, 900) if picture == "wide.png" else picture_of(80, 80)
        opened.value.set_files({"name": picture, "mimeType": "", "buffer": content})
        expect(field.locator("img")).to_have_attribute("src", re.compile("^blob:"))
        phone.get_by_role("button", name="Save Logo").tap()
        expect(field.locator("img[src*='/logos/']")).to_be_visible()
        expect(field.locator("img")).to_have_count(1)
    with phone.expect_file_chooser():
        field.locator("input").focus()
        phone.keyboard.press("Enter")

    for face in phone.locator("img[src*='/logos/']").all():  # whole, in a square, centred
        if face.is_visible():
            box = face.bounding_box()
            assert box is not None
            assert abs(box["width"] - box["height"]) < 1
            assert face.evaluate("image => getComputedStyle(image).objectFit") == "contain"
    with db.read() as session:
        assert session.get_one(Organization, cast.acme.id).phone == "+15072842511"


def picture_of(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, "PNG")
    return file.getvalue()


def test_hundreds_of_files_leave_the_memory_as_it_was(server: Server, cast: Cast) -> None:
    people = [cast.olga, cast.adam, cast.mia]
    cookies = [sign_in(person) for person in people]
    content = b"x" * int(2.9 * MIB)
    process = psutil.Process(server.process.pid)
    with Client(base_url=server.url, headers={"origin": server.url}) as client:

        def send(n: int) -> int:
            headers = {"cookie": cookies[n % 3], "x-file-name": f"{n}.png"}
            return client.post("/uploads", content=content, headers=headers).status_code

        assert {send(n) for n in range(30)} == {200}  # what the process takes once
        before = process.memory_info().rss
        assert {send(n) for n in range(30, rounds(60, 300))} == {200}
        assert process.memory_info().rss - before < 20 * MIB
    with db.read() as session:
        kept = session.scalar(select(func.count()).select_from(Upload))
    assert kept == uploads.MAX_UPLOADS * len(people)
