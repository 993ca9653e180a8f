"""The downloads of Organizations, uncompressed, so that their content can be searched."""

import zipfile
from collections.abc import Sequence
from io import BytesIO

from playwright.sync_api import Page
from pyarrow import parquet

FORMS = ("xlsx", "csv", "parquet")


def fetch(page: Page, forms: Sequence[str]) -> dict[str, bytes]:
    """Return the downloads in these formats, for the person who is logged in on the page."""
    return {form: _unpacked(form, _fetch(page, form)) for form in forms}


def _fetch(page: Page, form: str) -> bytes:
    response = page.context.request.get(f"/download/organizations.{form}")
    assert response.ok, response.text()
    return response.body()


def _unpacked(form: str, raw: bytes) -> bytes:
    if form == "xlsx":
        with zipfile.ZipFile(BytesIO(raw)) as book:
            return raw + b"".join(book.read(name) for name in book.namelist())
    if form == "parquet":
        return raw + str(parquet.read_table(BytesIO(raw)).to_pylist()).encode()
    return raw
