"""The house stays in order: sizes, names and words, read from the code itself.

Who may import whom is in `.importlinter`.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from core.accounts import drafts

PROJECT = Path(__file__).parent.parent

OURS = {"app", "core", "data", "pages", "tests"}
LONGEST_FILE = 350
LONGEST_FUNCTION = 40
LIST_OF_ERRORS = "core/base/errors.py"
"""A list, to be read in one place."""
SAYS_NOTHING = ("service", "manager", "helper", "util", "handler", "common")


def files(*folders: str) -> list[str]:
    """Return the Python files of these folders and those inside, as paths from the project."""
    paths = [path for folder in folders for path in sorted((PROJECT / folder).rglob("*.py"))]
    return [str(path.relative_to(PROJECT)) for path in paths if "versions" not in path.parts]


CORE = files("core")
PAGES = files("pages")
PRODUCT = [*CORE, *PAGES, *files("data"), *(["app.py"] if (PROJECT / "app.py").exists() else [])]


@cache
def parsed(file: str) -> ast.Module:
    """Return a file as a tree."""
    return ast.parse((PROJECT / file).read_text(), file)


def imports(file: str) -> Iterator[str]:
    """Yield every name that a file imports, in full: `core.database.db.run`."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports by dots: write the whole name"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def functions(file: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return every function of a file, methods and inner ones among them."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(parsed(file)) if isinstance(node, kinds)]


STATE_CALLBACKS = {
    *("open_dialog", "ui.open_dialog", "board_filters.show_more", "forget", "edit"),
    *("first_page", "ui.first_page"),
    *("turn_to_first_page", "filter_bar.turn_to_first_page"),
}
"""Callbacks from elsewhere that change the session state alone."""


def callbacks(file: str) -> Iterator[ast.expr]:
    """Yield every function that a file gives to a widget, as written."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Call):
            given = [*node.keywords]
            yield from (each.value for each in given if each.arg in {"on_click", "on_change"})
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in {"on_click", "on_change"}:
                    yield value


def test_a_callback_that_writes_first_checks_the_session():
    for file in PAGES:
        own = {function.name: ast.unparse(function) for function in functions(file)}
        for value in callbacks(file):
            name = ast.unparse(value)
            if isinstance(value, ast.Call):
                assert name.startswith(("callback(", "ui.callback(")), (file, name)
            elif name in own:
                assert not re.search(r"\b(db\.run|change|save)\(", own[name]), (file, name)
            elif isinstance(value, ast.Name | ast.Attribute):
                assert name in STATE_CALLBACKS, (file, name)


PAGE_FILES = [str(path.relative_to(PROJECT)) for path in sorted((PROJECT / "pages").glob("*.py"))]


@pytest.mark.parametrize("file", PAGE_FILES)
def test_a_page_knows_no_sql_and_opens_no_transaction(file):
    names = set(imports(file))
    used = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert "sqlalchemy" not in {name.split(".")[0] for name in names}
    assert "db.run" not in used
    assert "core.database.db.run" not in names


def test_a_migration_knows_no_code_that_may_change():
    steps = sorted((PROJECT / "data" / "migrations" / "versions").glob("*.py"))
    for step in steps:
        assert not [name for name in imports(str(step)) if name.split(".")[0] in OURS], step.name


PACKAGES_WITH_GUIDES = ("changes", "duplicates", "imports", "ops")
GUIDES = (
    *("README.md", "core/DECISIONS.md"),
    *(f"core/{package}/README.md" for package in PACKAGES_WITH_GUIDES),
)


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_names_only_what_is_there(guide):
    text = (PROJECT / guide).read_text()
    paths = re.findall(r"(?<![\w./-])(?:core|pages|data|tests)/[\w./-]*\w", text)
    assert paths
    assert [path for path in paths if not (PROJECT / path).exists()] == []


class TestSizes:
    def test_files_are_short(self):
        lines = {file: len((PROJECT / file).read_text().splitlines()) for file in PRODUCT}
        long = {file: number for file, number in lines.items() if number > LONGEST_FILE}
        assert long.keys() <= {LIST_OF_ERRORS}

    def test_functions_are_short(self):
        lengths = {
            f"{file}:{node.name}": 1 + (node.end_lineno or 0) - node.lineno
            for file in PRODUCT
            for node in functions(file)
        }
        assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}


class TestWords:
    def test_what_is_public_in_core_is_explained(self):
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        public = [
            (file, node)
            for file in CORE
            for node in parsed(file).body
            if isinstance(node, kinds) and not node.name.startswith("_")
        ]
        assert [file for file in CORE if not ast.get_docstring(parsed(file))] == []
        assert [(file, node.name) for file, node in public if not ast.get_docstring(node)] == []

    def test_file_names_say_something(self):
        names = {file: Path(file).stem for file in [*PRODUCT, *files("tests")]}
        assert [file for file, name in names.items() if any(w in name for w in SAYS_NOTHING)] == []

    def test_no_page_draws_raw_html(self):
        texts = {file: (PROJECT / file).read_text() for file in PRODUCT}
        assert [file for file, text in texts.items() if "unsafe_allow_html" in text] == []


def test_no_draft_ever_holds_a_secret() -> None:
    """Every field for a password or a code has a name that drafts refuse."""
    secret = re.compile(r'type="password"|autocomplete="(?:one-time-code|\w+-password)"')
    named = re.compile(r'(?:new_password\(|st\.text_input,)\s*"(\w+)"')
    sources = {path: path.read_text() for path in (PROJECT / "pages").rglob("*.py")}
    fields = {
        name[1]
        for source in sources.values()
        for name in named.finditer(source)
        if "new_password" in name[0] or secret.search(source[name.start() : name.end() + 120])
    }
    assert {"code", "new", "password"} <= fields
    assert all(drafts.is_secret(field) for field in fields)


def test_no_page_loads_the_syntax_highlighter() -> None:
    calls = [
        node for file in PAGES for node in ast.walk(parsed(file)) if isinstance(node, ast.Call)
    ]
    assert "st.code" not in {ast.unparse(call.func) for call in calls}
