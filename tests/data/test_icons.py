"""The font of the icons has every icon that our pages show."""

from core.base import assets
from data import icons


def test_no_icon_of_a_page_is_missing_from_the_font() -> None:
    assert icons.find_missing() == set(), "run `python -m data.icons`"


def test_the_font_is_small() -> None:
    assert len(assets.get(assets.ICONS).content) < 40_000
