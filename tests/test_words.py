"""The texts of pages, refusals, mails and commands are plain English, without these habits."""

import ast
import re
from collections.abc import Iterator

import pytest

from core.base.settings import PROJECT

GAP = "\x00"
"""What stands for a value that is filled into a text."""
HABITS = (
    r"stands?\b(?! out| for)",  # be listed, be shown
    r"belongs?\b",
    r"carr(?:y|ies)\b",
    r"mends?\b",
    r"look (?:among|into)\b",
    r"called so\b",
    r"of (?:its|their|your) own\b",
    r"whoever\b|who (?:is|are|was|were)\b",
    rf"(?:is|are) {GAP} now\b",
    r"(?<!flagged )(?<!several )at once\b",  # immediately; not: together
    r"anew\b",
    r"any more\b",
    r"so many\b",
    r"(?<=, )too\b",
    r"(?:is|are) (?:mailed|asked|told)\b",
    r"may\b",  # can
    r"(?:every|some|no|any)body\b",
)
PATTERN = re.compile(r"(?<![\w-])(?:" + "|".join(HABITS) + ")", re.IGNORECASE)


def list_files() -> list[str]:
    """Return the files with texts for people, relative to the project."""
    paths = [
        PROJECT / "app.py",
        PROJECT / "core" / "base" / "errors.py",
        PROJECT / "core" / "manage.py",
        *(PROJECT / "core" / "mail" / "templates").iterdir(),
        *(PROJECT / "data" / "seed").glob("*.py"),
        *(PROJECT / "pages").rglob("*.py"),
    ]
    return sorted(path.relative_to(PROJECT).as_posix() for path in paths)


def texts_of(file: str) -> Iterator[str]:
    """Yield the text of a template, or the string literals of a module without its docstrings."""
    source = (PROJECT / file).read_text()
    if not file.endswith(".py"):
        yield re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}|<[^>]*>", GAP, source, flags=re.DOTALL)
        return
    nodes = list(ast.walk(ast.parse(source)))
    joined = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    skipped = {id(part) for node in joined for part in node.values}
    skipped |= {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in joined:
        parts = [part.value if isinstance(part, ast.Constant) else GAP for part in node.values]
        yield "".join(map(str, parts))
    for node in nodes:
        if isinstance(node, ast.Constant) and id(node) not in skipped:
            yield str(node.value)


def find_habits(text: str) -> list[str]:
    return PATTERN.findall(text) if " " in text else []


def test_texts_are_free_of_habits():
    found = {
        (file, text): habits
        for file in list_files()
        for text in texts_of(file)
        if (habits := find_habits(text))
    }
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "They stand under Access Control.",
        f"{GAP} is {GAP} now.",
        "It is gone at once.",
        "Nobody found",
        "You may close this page.",
        "An owner, too, can do it.",
    ],
)
def test_a_habit_is_found(text):
    assert find_habits(text)


@pytest.mark.parametrize(
    "text", ["At most 20,000 can be flagged at once.", "A note about someone, not yours."]
)
def test_plain_english_is_not_refused(text):
    assert not find_habits(text)
