"""The steps of the main journey, as a person does them on the screen."""

import re
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pyotp
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.acts import user_menu, visit, wait_until_drawn
from tests.support.cast import PASSWORD
from tests.support.mailbox import Mailbox, link_in

PROFILE = {
    "alert_email": "alarm@nordlicht.example",
    "sales_email": "verkauf@nordlicht.example",
    "overview": "Wir leiten Befunde zwischen Kliniken weiter.\nSeit 1998, in Tromsø und Kiel.",
    "phone": "+49 431 97990-0",
    "website": "nordlicht.example/über-uns",
    "twitter": "https://x.com/nordlicht_hl7",
}
"""All fields of the profile but the name, as typed."""

_ORIENTATION, _TURNED_RIGHT = 0x0112, 6


@cache
def photograph() -> bytes:
    """Return a JPEG of a camera that was held upright: rotated, with the orientation in EXIF.

    It has seven megapixels of noise, red at the left.
    """
    random = np.random.default_rng(7)
    light = Image.fromarray(random.integers(0, 160, (9, 12, 3), dtype=np.uint8))
    pixels = np.asarray(light.resize((3072, 2304), Image.Resampling.BICUBIC)).astype(np.int16)
    pixels[..., 0] += np.linspace(200, -60, 3072).astype(np.int16)
    pixels += random.integers(-6, 7, pixels.shape, dtype=np.int16)
    exif = Image.Exif()
    exif[_ORIENTATION] = _TURNED_RIGHT
    file = BytesIO()
    taken = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    taken.save(file, "JPEG", quality=80, exif=exif)
    return file.getvalue()


def field(page: Page, form: str, name: str) -> Locator:
    """Return the input of a field of a form."""
    return page.locator(f".st-key-{form}-{name}").locator("input, textarea").first


def fill(page: Page, form: str, **texts: str) -> None:
    """Fill several fields of a form."""
    for name, text in texts.items():
        field(page, form, name).fill(text)


def press(page: Page | Locator, label: str) -> None:
    """Click the button with this label, whatever its icon."""
    page.get_by_role("button", name=re.compile(rf"{re.escape(label)}$")).click()


def heading(page: Page, title: str) -> Locator:
    """Return the heading of this title."""
    return page.get_by_role("heading", name=title)


def set_up(page: Page, code: str, name: str) -> None:
    """Create the first administrator, with the setup code from the server log."""
    visit(page)
    expect(heading(page, "Set up Orgdesk")).to_be_visible()
    fill(page, "setup", code=code, name=name, email=address(name), password=PASSWORD)
    press(page, "Set up Orgdesk")
    set_up_two_factor(page)
    expect(heading(page, "Organizations")).to_be_visible()


def set_up_two_factor(page: Page, keep: list[str] | None = None) -> str:
    """Set up two-factor where it is required, and return the TOTP secret.

    The recovery codes are downloaded, and added to `keep`.
    """
    press(page, "Set up two-factor")
    fill(page, "set-up-two-factor", password=PASSWORD)
    press(page.get_by_role("dialog"), "Continue")
    key = page.locator(".st-key-two-factor-key code")
    expect(key).to_have_text(re.compile(r"^(\w{4} ?){8}$"))
    secret = key.inner_text().replace(" ", "").strip()
    fill(page, "two-factor", code=pyotp.TOTP(secret).now())
    press(page, "Turn on two-factor")
    expect(page.get_by_role("button", name="I saved them")).to_be_visible()
    if keep is not None:
        codes = page.locator(".st-key-recovery-codes code")
        expect(codes).to_have_text(re.compile(r"^(\S+\s+){9}\S+$"))
        with page.expect_download() as download:
            press(page, "Download")
        keep += Path(download.value.path()).read_text().split()[-10:]
        assert keep == codes.inner_text().split()
    press(page, "I saved them")
    return secret


def sign_up(page: Page, mailbox: Mailbox, name: str) -> None:
    """Create an account, and confirm its address by the emailed link, which logs in."""
    visit(page)
    page.get_by_role("link", name="Create an account").click()
    fill(page, "sign-up", name=name, email=address(name), password=PASSWORD)
    press(page, "Create account")
    expect(heading(page, "Check your email")).to_be_visible()
    page.goto(link_in(mailbox.wait_for(address(name))))
    fill(page, "prove", password=PASSWORD)
    press(page, "Confirm address")
    expect(heading(page, f"Welcome, {name}")).to_be_visible()


def log_out(page: Page) -> None:
    """Log out by the user menu."""
    user_menu(page).click()
    page.get_by_role("menuitem", name="Log out").click()
    expect(heading(page, "Log in")).to_be_visible()


def create_organization(page: Page, name: str) -> str:
    """Create an organization from the Welcome page, and return its Organization ID."""
    press(page, "Create New Organization")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Add New Organization")
    fill(page, "create", name=name)
    field(page, "create", "name").press("Enter")
    expect(heading(page, name)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/overview\?org=ORG-\w{7}$"))
    return page.url.rpartition("=")[2]


def fill_profile(page: Page) -> None:
    """Fill in every field, and submit the form."""
    press(page, "Edit profile")
    expect(field(page, "profile", "name")).to_be_visible()
    fill(page, "profile", **PROFILE)
    press(page, "Submit")
    expect(page.get_by_test_id("stToast")).to_contain_text("Profile saved")
    expect(field(page, "profile", "phone")).to_have_value("+49 431 979900")


def upload_logo(page: Page, picture: bytes) -> None:
    """Upload an image as the logo."""
    chosen = {"name": "Hafen.JPG", "mimeType": "image/jpeg", "buffer": picture}
    page.locator(".st-key-logo-logo input[type=file]").set_input_files(chosen)
    press(page, "Save Logo")
    expect(page.locator(".st-key-head img")).to_have_attribute("src", re.compile("/logos/"))


def confirm_alert_address(page: Page, mailbox: Mailbox) -> None:
    """Open the link emailed to the alert address, and confirm it."""
    page.goto(link_in(mailbox.wait_for(PROFILE["alert_email"])))
    press(page, "Confirm address")
    expect(page.get_by_text("will now be sent to")).to_be_visible()


def list_in_solutions(page: Page) -> None:
    """Turn on the card, and open Connected solutions."""
    page.reload()
    expect(page.get_by_text("Confirmed. Alerts go here.")).to_be_visible()
    page.locator(".st-key-profile-listed-off label").click()
    expect(page.locator(".st-key-profile-listed-on")).to_be_visible()
    page.get_by_role("link", name="Connected solutions").click()


def invite(page: Page, name: str) -> None:
    """Invite a colleague from the Overview."""
    page.get_by_role("link", name="Overview").click()
    press(page, "Invite user")
    dialog = page.get_by_role("dialog")
    fill(page, "invite", emails=address(name))
    press(dialog, "Invite")
    expect(dialog).to_be_hidden()


def join(page: Page, mailbox: Mailbox, name: str) -> None:
    """Open the emailed invitation, create an account, and accept."""
    page.goto(link_in(mailbox.wait_for(address(name))))
    fill(page, "join", name=name, password=PASSWORD)
    press(page, "Accept Invitation")
    expect(user_menu(page)).to_contain_text(name)
    expect(page).to_have_url(re.compile("/overview"))


def flag_for_onboarding(page: Page) -> None:
    """Select the first organization of the table and flag it."""
    wait_until_drawn(page)
    page.get_by_role("checkbox", name="Select", exact=False).nth(1).check()
    expect(page.get_by_text("1 selected", exact=True).first).to_be_visible()
    press(page, "Flag for onboarding")
    dialog = page.get_by_role("dialog")
    fill(page, "flag", next_step="Call about the interface list")
    press(dialog, "Flag for onboarding")
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("1 of 1 organization.")).to_be_visible()


def address(name: str) -> str:
    """Return the email address of a person."""
    return f"{name.lower()}@nordlicht.example"
