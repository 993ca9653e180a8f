"""The main job, from an empty server to a flagged organization, and what it leaves behind."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import make_url

from core.base import crypto
from tests.browser import downloads, steps, tables
from tests.browser.conftest import PHONE
from tests.browser.server import Server
from tests.browser.tokens import CapturedTokens
from tests.support.cast import PASSWORD
from tests.support.depth import sample
from tests.support.history import verified
from tests.support.mailbox import Mailbox, link_in, text_of

NAME = "Nordlicht Hafenklinik"
EVENTS = [
    "organization.created",
    "profile.changed",
    "logo.changed",
    "alert_email.confirmed",
    "profile.listed",
    "invitation.sent",
    "invitation.accepted",
    "stage.flagged",
]


def test_from_an_empty_server_to_a_flagged_organization(
    server: Server, new_page: Callable[..., Page], mailbox: Mailbox
) -> None:
    ada, nora, milo = new_page(), new_page(), new_page(PHONE)
    captured = CapturedTokens(ada, nora, milo)
    steps.set_up(ada, setup_code(server), "Ada")
    steps.sign_up(nora, mailbox, "Nora")

    public_id = steps.create_organization(nora, NAME)
    steps.fill_profile(nora)
    steps.upload_logo(nora, steps.photograph())
    steps.confirm_alert_address(milo, mailbox)
    steps.list_in_solutions(nora)
    see_card(nora, public_id)

    steps.invite(nora, "Milo")
    steps.join(milo, mailbox, "Milo")
    see_members(milo)

    ada.reload()
    steps.flag_for_onboarding(ada)
    see_stage(nora, public_id)

    see_rows(server, public_id)
    see_unbroken_history()
    see_no_token(server, mailbox, captured, ada)
    see_mail(mailbox)  # which waits a few seconds for more to tell


def setup_code(server: Server) -> str:
    """Return the code that the server has written to its log."""
    (code,) = re.findall(r"Set up Orgdesk with this code: (\S+)", server.read_log())
    return str(code)


def see_card(page: Page, public_id: str) -> None:
    """See all that the profile says on the card, with the logo."""
    card = page.locator(f".st-key-card-{public_id}")
    for text in (NAME, "Wir leiten Befunde", "verkauf@nordlicht.example"):
        expect(card).to_contain_text(text)
    expect(card).not_to_contain_text("979900")
    expect(card.get_by_role("link", name="nordlicht_hl7")).to_be_visible()
    logo = card.get_by_test_id("stImage").locator("img")
    expect(logo).to_have_js_property("complete", True)
    assert logo.evaluate("img => [img.naturalWidth, img.naturalHeight]") == [72, 96]


def see_members(phone: Page) -> None:
    """See, on a phone, who is in the organization."""
    phone.get_by_test_id("stExpandSidebarButton").click()
    phone.get_by_role("link", name="Access Control").first.click()
    expect(phone.get_by_role("radio", name="Active Users 2")).to_be_visible()
    expect(phone.get_by_test_id("stExpandSidebarButton")).to_be_visible()
    for name in ("Nora", "Milo (you)"):
        tables.find_row(phone, "Active users", name)


def see_stage(page: Page, public_id: str) -> None:
    """See, as an owner, what sales has done."""
    page.goto(f"/overview?org={public_id}")
    expect(page.locator(".st-key-head")).to_contain_text("Onboarding")
    expect(page.get_by_title("Call about the interface list")).to_be_visible()


def see_mail(mailbox: Mailbox) -> None:
    """Read, as an owner, what sales has done in the mail."""
    mail = mailbox.wait_for(steps.address("Nora"), count=3)
    assert mail["Subject"] == f"{NAME} moved to onboarding"
    assert "from free to onboarding" in text_of(mail)


def see_rows(server: Server, public_id: str) -> None:
    """Read what was stored without any of Orgdesk's own code."""
    with closing(sqlite3.connect(database(server))) as plain:
        plain.row_factory = sqlite3.Row

        def rows(statement: str) -> list[dict[str, Any]]:
            return [dict(row) for row in plain.execute(statement)]

        (org,) = rows("SELECT * FROM organizations")
        people = rows(
            "SELECT name, role, staff FROM users LEFT JOIN memberships ON user_id = users.id"
            " ORDER BY name"
        )
        (logo,) = rows("SELECT * FROM logos")
        entries = rows("SELECT event FROM history WHERE org_id IS NOT NULL ORDER BY id")
    expected = {
        "public_id": public_id,
        "name": NAME,
        "alert_email": steps.PROFILE["alert_email"],
        "alert_email_new": None,
        "sales_email": steps.PROFILE["sales_email"],
        "overview": steps.PROFILE["overview"],
        "phone": "+49431979900",
        "website": "https://nordlicht.example/über-uns",
        "twitter": "nordlicht_hl7",
        "logo": logo["digest"],
        "is_listed": 1,
        "stage": "onboarding",
        "next_step": "Call about the interface list",
        "member_count": 2,
    }
    assert {column: org[column] for column in expected} == expected
    assert [tuple(person.values()) for person in people] == [
        ("Ada", None, "administrator"),
        ("Milo", "member", None),
        ("Nora", "owner", None),
    ]
    see_picture(logo["png"])
    assert [entry["event"] for entry in entries] == EVENTS


def see_picture(png: bytes) -> None:
    """See the photograph stored upright, small, and without a word about the camera."""
    with Image.open(BytesIO(png)) as picture:
        assert (picture.format, picture.size) == ("PNG", (384, 512))
        assert not picture.getexif()
        assert picture.info.keys() <= {"srgb"}
        red, _, _ = picture.convert("RGB").resize((1, 512)).getpixel((0, 10))
        dull, _, _ = picture.convert("RGB").resize((1, 512)).getpixel((0, 500))
    assert red > dull + 100


def see_unbroken_history() -> None:
    """Verify every chain as `manage verify` does."""
    broken, totals = verified()
    assert broken == []
    assert totals.entries >= len(EVENTS)


def see_no_token(server: Server, mailbox: Mailbox, captured: CapturedTokens, staff: Page) -> None:
    """Find the fingerprints of what was mailed in the database, and no secret itself anywhere.

    Searched are the database, what lies beside it, the log, and a download (in `make prove` all).
    """
    mailed = {link_in(mail).partition("#")[2] for mail in mailbox.messages if "#" in text_of(mail)}
    assert len(mailed) == 3
    files = list(database(server).parent.glob("served.db*"))
    assert {file.suffix for file in files} >= {".db", ".db-wal"}
    stored = b"".join(file.read_bytes() for file in files)
    assert [token for token in mailed if crypto.fingerprint(token).encode() not in stored] == []
    forms = sample(downloads.FORMS, 3)
    everything = {
        "the database": stored,
        "the log": server.log.read_bytes(),
        **downloads.fetch(staff, forms),
    }
    assert all(NAME.encode() in everything[form] for form in forms)
    tokens = mailed | captured.read() | {PASSWORD}
    found = {
        (token, where)
        for token in tokens
        for where, raw in everything.items()
        if token.encode() in raw
    }
    assert found == set()


def database(server: Server) -> Path:
    """Return the file of the server's SQLite database."""
    return Path(make_url(server.database_url).database or "")
