"""The downloads of Organizations, unpacked: what stands in them can be searched."""

import zipfile
from io import BytesIO

from playwright.sync_api import Page
from pyarrow import parquet

FORMS = ("csv", "xlsx", "parquet")


def fetch_all(page: Page) -> dict[str, bytes]:
    """Return every kind of download, as whoever is signed in on the page gets it."""
    return {form: _unpacked(form, _fetch(page, form)) for form in FORMS}


def _fetch(page: Page, form: str) -> bytes:
    answer = page.context.request.get(f"/download/organizations.{form}")
    assert answer.ok, answer.text()
    return answer.body()


def _unpacked(form: str, raw: bytes) -> bytes:
    if form == "xlsx":
        with zipfile.ZipFile(BytesIO(raw)) as book:
            return raw + b"".join(book.read(name) for name in book.namelist())
    if form == "parquet":
        return raw + str(parquet.read_table(BytesIO(raw)).to_pylist()).encode()
    return raw
