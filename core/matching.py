"""Text within text: the condition that a column has what somebody typed in it."""

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import InstrumentedAttribute


def contains(column: InstrumentedAttribute[str], typed: str) -> ColumnElement[bool]:
    """Return the condition, whatever the case; what cannot be seen is left out.

    Databases fold the case of ASCII alone, so that the usual spellings of a name are all tried.
    """
    text = "".join(sign for sign in typed if sign.isprintable()).strip()
    spellings = sorted({text, text.lower(), text.upper(), text.title()})
    return or_(*(column.icontains(spelling, autoescape=True) for spelling in spellings))
