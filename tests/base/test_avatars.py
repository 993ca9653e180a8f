"""Avatars: initials in every script, readable on every color, and safe as an image URL."""

import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base import avatars
from tests.support import hostile
from tests.support.depth import sample


def check_avatar(name: str) -> None:
    """Assert that an avatar is an SVG image of the initials and nothing else."""
    url = avatars.initials_url(name, "ORG-7K3M9QX")
    assert re.fullmatch(r"data:image/svg\+xml,[A-Za-z0-9%/:=,'._~-]+", url)
    svg = ElementTree.fromstring(unquote(url.partition(",")[2]))
    assert [child.tag.partition("}")[2] for child in svg] == ["rect", "text"]
    assert svg[1].text == avatars.initials(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Northwind Cardiology Partners", "NC"),
        ("Ärztehaus am Südpark", "ÄS"),
        ("A\u0308rztehaus", "Ä"),
        ("Kaiserin-Friedrich-Klinik", "KF"),
        ("acme", "A"),
        ("health for all", "HF"),
        ("3M Health", "3H"),
        ("(Acme) [Labs]", "AL"),
        ("ßeta", "ß"),
        ("株式会社 東京", "株"),
        ("김철수", "김"),
        ("Пётр Великий", "ПВ"),
        ("क्षमा देवी", "क्षदे"),
        ("مستشفى السلام", "ما"),
        ("მაია კახი", "მკ"),
        ("", "?"),
        ("👩 !", "?"),
    ],
)
def test_initials_are_whole_letters_of_their_script(name, expected):
    assert avatars.initials(name) == expected


@pytest.mark.parametrize(("name", "expected"), [("Ana de la Cruz", "AC"), ("Olga", "O")])
def test_people_have_the_initials_of_their_first_and_last_name(name, expected):
    assert avatars.initials(name, ends=True) == expected


def test_people_are_round_and_organizations_are_not():
    assert "rx='48'" in unquote(avatars.initials_url("Olga", "1", round=True))
    assert "rx='21'" in unquote(avatars.initials_url("Acme", "1"))


def test_the_color_depends_on_the_id_only():
    assert _color(avatars.initials_url("Acme", "ORG-1")) == _color(
        avatars.initials_url("Beta", "ORG-1")
    )
    assert len({_color(avatars.initials_url("Acme", f"ORG-{n}")) for n in range(200)}) == len(
        avatars.COLORS
    )


def test_an_avatar_is_about_400_bytes():
    assert all(
        len(avatars.initials_url(name, "1")) < 500 for name in ("Acme Health", "क्षमा देवी", "東京")
    )


@pytest.mark.parametrize("color", avatars.COLORS)
def test_white_is_readable_on_every_color(color):
    assert 1.05 / (_luminance(color) + 0.05) >= 4.5


@given(name=st.text())
def test_any_name_has_an_avatar(name):
    check_avatar(name)


def test_hostile_names_have_avatars():
    for name in sample(hostile.texts("strings", "unicode", "xss"), 40):
        check_avatar(name)


def test_any_id_gives_a_color():
    assert avatars.initials_url("Acme", "\ud800")


def _color(url: str) -> str:
    return re.findall(r"fill='(#\w{6})'", unquote(url))[0]


def _luminance(color: str) -> float:
    """Return the relative luminance as defined by WCAG."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
