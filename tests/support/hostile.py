"""Hostile input from a folder beside the project, which is not part of it."""

import bz2
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

HOSTILE = Path(__file__).parents[3] / "shared" / "hostile"
TEXTS = ("strings", "unicode", "xss", "headers", "email", "url", "csv", "path")


@cache
def texts(*folders: str) -> tuple[str, ...]:
    """Return the distinct strings of these folders, or of all folders."""
    found = (text for path in _files(*(folders or TEXTS)) for text in _texts_of(path))
    return tuple(dict.fromkeys(found))


def images() -> list[Path]:
    """Return every image, also files that only claim to be one."""
    return _files("images", "svg")


def data(path: str) -> Any:
    """Return the content of a JSON file."""
    _skip_without_data()
    return json.loads((HOSTILE / path).read_text())


def _files(*folders: str) -> list[Path]:
    _skip_without_data()
    paths = [path for folder in folders for path in sorted((HOSTILE / folder).rglob("*"))]
    return [path for path in paths if path.is_file() and not path.name.startswith("LICENSE")]


def _skip_without_data() -> None:
    """Skip where the folder is missing; in CI it must exist, and a skip is a failure."""
    if not HOSTILE.parent.exists():
        pytest.skip(f"The hostile data does not lie beside the project, in {HOSTILE}.")
    assert HOSTILE.exists(), f"There should be hostile data in {HOSTILE}."


def _texts_of(path: Path) -> Iterator[str]:
    raw = path.read_bytes()
    if path.suffix == ".json":
        yield from _texts_in(json.loads(raw))
    elif path.suffix == ".bz2":
        for line in bz2.decompress(raw).decode().splitlines():
            if line[:1].isalnum():
                yield "".join(chr(int(code, 16)) for code in line.split(";")[0].split())
    else:
        yield raw.decode("utf-8", "surrogateescape")
        yield from raw.decode("utf-8", "surrogateescape").splitlines()


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from (str(key), *_texts_in(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_in(inner)
