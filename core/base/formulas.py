"""Protection against formulas in files: cells that a spreadsheet would run (CSV injection).

The rule exists twice, for values in Python and for columns in SQL; the tests compare the two. After
https://owasp.org/www-community/attacks/CSV_Injection.
"""

from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import ColumnElement, and_, case, func, literal, or_

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

FORMULA_STARTS: Final = "=+-@\uff1d\uff0b\uff0d\uff20\u2013\u2212"
"""Characters that start a formula, in all widths, and dashes that spreadsheets convert."""
IGNORED: Final = '\t\r\n\v\f \u00a0\u200b\u2060\u3000\ufeff"'
"""Characters that a spreadsheet may ignore before a formula."""
_BREAKS: Final = ("\t", "\r", "\n")
_PLAIN: Final = (("a", "z"), ("A", "Z"), ("0", "9"))
_DIGITS: Final = "0123456789"
_EXTENSION: Final = "x"


def csv_file(frame: "pd.DataFrame") -> bytes:
    """Return a frame as a CSV file that a spreadsheet reads as it is: UTF-8, CRLF, no formulas."""
    safe = frame.map(harmless).rename(columns=harmless)
    text = safe.to_csv(index=False, lineterminator="\r\n")
    return text.encode("utf-8-sig")  # Excel takes a file without the mark for another encoding


def harmless(cell: T) -> T | str:
    """Return a cell with an apostrophe before it if a spreadsheet would run it as a formula.

    Phone numbers (+ and digits, `x` and an extension) and values other than text stay as they are.
    """
    if not isinstance(cell, str) or not cell or _is_phone_number(cell):
        return cell
    is_risky = cell[0] in _BREAKS or cell.lstrip(IGNORED)[:1] in tuple(FORMULA_STARTS)
    return f"'{cell}" if is_risky else cell


def _is_phone_number(cell: str) -> bool:
    is_number = cell[0] == "+" and cell[1:2] in tuple(_DIGITS)
    return is_number and not cell[1:].strip(_DIGITS + _EXTENSION)


def harmless_column(column: ColumnElement[Any], *, dialect: str) -> ColumnElement[Any]:
    """Return the SQL expression of `harmless`; NULL stays NULL."""
    first, others = func.substr(column, 1, 1), func.substr(column, 2)
    is_number = func.substr(others, 1, 1).in_(tuple(_DIGITS))
    rest = func.ltrim(others, _DIGITS + _EXTENSION)
    is_phone_number = and_(first == "+", is_number, rest == "")
    start = func.substr(func.ltrim(column, IGNORED), 1, 1)
    is_risky = or_(first.in_(_BREAKS), start.in_(tuple(FORMULA_STARTS)))
    return case(
        (_starts_plainly(column, dialect), column),
        (is_phone_number, column),
        (is_risky, literal("'").concat(column)),
        else_=column,
    )


def _starts_plainly(column: ColumnElement[Any], dialect: str) -> ColumnElement[bool]:
    if dialect == "sqlite":
        return column.bool_op("GLOB")("[0-9A-Za-z]*")
    code = func.ascii(column)
    return or_(*(code.between(ord(low), ord(high)) for low, high in _PLAIN))
