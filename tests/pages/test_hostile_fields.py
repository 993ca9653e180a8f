"""Hostile input in every field of every form is kept literally, or refused with a reason."""

from collections.abc import Iterator
from itertools import groupby

import pytest
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

from pages.ui.navigation import PAGES
from tests.pages.conftest import Show
from tests.support.cast import Cast
from tests.support.depth import IS_DEEP, rounds

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

TEXTS = (
    "<img src=x onerror=alert(1)>",
    "![x](http://evil.invalid/x.png) :red[no] $\\frac{1}{2}$",
    "\u202egnp.exe\u202c\u200b\ufeff",
    "null\x00byte\x1b[31m\x07",
    "=cmd|' /C calc'!A0",
    "'; DROP TABLE users; -- %s %n {0} ${7*7} {{7*7}}",
    "Bcc: all@example.com\r\n\r\nHello",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢" * 40,
    "👩‍👩‍👧‍👦﷽" * 30,
    "../../../../etc/passwd",
    "javascript:alert(1)//http://",
    "  \t\n  ",
)
TEXTS_PER_FIELD = rounds(1, len(TEXTS))
"""How many of the texts each field is tried with."""
OPEN_TO_ALL = {"home", "sign_up", "forgotten", "invitation"}
"""Pages with forms for people who are not logged in."""
SKIPPED_BUTTONS = ("end-", "delete-submit")
"""Buttons that would end the session or delete the organization."""


class Forms:
    """The forms tried so far, by the keys of their fields."""

    def __init__(self) -> None:
        self.tried: set[frozenset[str]] = set()
        self.count = 0

    def try_all(self, screen: AppTest, known_fields: set[str]) -> None:
        """Fill in and submit each form on the screen that was not tried before."""
        new = sorted(_fields(screen).keys() - known_fields)
        for _, fields in groupby(new, _form_of):
            keys = frozenset(fields)
            if keys not in self.tried:
                self.tried.add(keys)
                self._try(screen, keys)

    def _try(self, screen: AppTest, keys: frozenset[str]) -> None:
        for _ in range(TEXTS_PER_FIELD):
            typed = self._type(screen, keys)
            for button in screen.button:
                if not button.disabled and _sends(str(button.key), keys):
                    button.click()
                    break
            screen.run()
            _check_screen(screen, typed)
            if not keys & _fields(screen).keys():
                break  # it was saved, and the form is closed

    def _type(self, screen: AppTest, keys: frozenset[str]) -> dict[str, str]:
        typed = {}
        for key, widget in _fields(screen).items():
            if key in keys:
                text = TEXTS[self.count % len(TEXTS)][: widget.max_chars or None]
                typed[key] = text if widget.type == "text_area" else text.replace("\n", " ")
                widget.set_value(typed[key])
                self.count += 1
        return typed


def _fields(screen: AppTest) -> dict[str, object]:
    widgets = (*screen.text_input, *screen.text_area)
    return {str(widget.key): widget for widget in widgets if not widget.disabled}


def _form_of(key: str) -> str:
    return key.partition(".")[0]


def _sends(button: str, keys: frozenset[str]) -> bool:
    form, _, what = button.rpartition("-")
    return what in {"submit", "save"} and form in {_form_of(key) for key in keys}


def _check_screen(screen: AppTest, typed: dict[str, str]) -> None:
    """Assert that there is no traceback, and that a refused form has kept its input."""
    assert not screen.exception, [each.value for each in screen.exception]
    text = " ".join(each.value for each in screen.markdown)
    is_refused = ":red[" in text or ":material/error" in text
    if is_refused:
        fields = _fields(screen)
        lost = {key for key, value in typed.items() if key in fields and fields[key].value != value}
        assert lost == set(), text


def _screens(
    show: Show, cast: Cast, page: str, person: str | None
) -> Iterator[tuple[AppTest, set[str]]]:
    """Yield a page as it opens and after each of its buttons, with the fields known before."""
    actor = getattr(cast, person) if person else None
    screen = show(page, actor, org=cast.acme.public_id)
    assert not screen.exception
    before = set(_fields(screen))
    openers = [
        number
        for number, button in enumerate(screen.button)
        if not (button.disabled or str(button.key).startswith(SKIPPED_BUTTONS))
        and not str(button.key).endswith(("-submit", "-save"))
    ]
    yield screen, set()
    for number in openers:
        again = show(page, actor, org=cast.acme.public_id)
        again.button[number].click().run()
        assert not again.exception
        yield again, before


def pages_of(person: str | None) -> list[str]:
    """Return the pages that a person tries: all, or the half that the other one leaves."""
    if person is None:
        return [page.address for page in PAGES if page.address in OPEN_TO_ALL]
    pages = [page.address for page in PAGES]
    return pages if IS_DEEP else pages[person == "ada" :: 2]


@pytest.mark.parametrize("person", ["olga", "ada", None])
def test_no_field_of_any_form_breaks(
    show: Show, engine: Engine, cast: Cast, person: str | None
) -> None:
    forms = Forms()
    for page in pages_of(person):
        for screen, before in _screens(show, cast, page, person):
            forms.try_all(screen, before)
    assert len(forms.tried) >= (2 if person is None else 7)
