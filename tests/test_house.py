"""The house stays in order: floors, sizes, names and words, read from the code itself."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent

FLOORS: tuple[tuple[str, str], ...] = (
    # A module imports from rows above its own only: lower floors of the house.
    ("0, knows nothing of ours", "errors settings clock kinds visible search matching public_ids"),
    ("0, knows nothing of ours", "faces frames smtp pictures metrics"),
    ("0, what is stored", "columns"),
    ("0, what is stored", "people_models desk_models news_models account_models"),
    ("0, what is stored", "models"),
    ("0, what is stored", "move_counts"),
    ("0, on those", "looks fields logos keys changes schema browsers finding completeness counts"),
    ("0, on those", "working_days view_queries"),
    ("0, on those again", "passwords db stuck"),
    ("0, the migrations", "upgrade"),
    ("1", "permissions presence"),
    ("2", "history mail sessions memberships throttles links letters offers persons org_choices"),
    ("2", "second_factors"),
    ("2", "board_views"),
    ("2", "handovers notices invitees"),
    ("2, on those", "withdrawals"),
    ("2, on those", "alert_addresses org_views org_addresses gates lines"),
    ("2, on those again", "profile_texts stages exports org_walks"),
    ("2, on those again and again", "flags"),
    ("2, on those", "board_walks"),
    ("3", "every other module of core"),
    ("4, in the background", "onboarding_news"),
    ("4, in the background", "news"),
    ("4, in the background", "worker"),
    ("4, on the command line", "desk_commands"),
    ("4", "web manage pages/ui"),
    ("5", "pages"),
    ("6", "app"),
)
TOGETHER = {"web", "pages/ui", "pages"}
"""Folders whose own modules know each other."""

MAY_BE_LONG = {"core/models.py": 400, "core/errors.py": 350}
LONGEST_FILE = 250
LONGEST_FUNCTION = 40
KNOW_SCREENS = {"web", "manage"}
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
    """Yield every name that a file imports, in full: `core.db.run`."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports by dots: write the whole name"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def module(name: str) -> str | None:
    """Return the module of ours that a file or an imported name belongs to, as FLOORS calls it."""
    parts = name.removesuffix(".py").replace("/", ".").split(".")
    if parts[:2] == ["pages", "ui"]:
        return "pages/ui"
    if parts[0] in {"app", "pages"}:
        return parts[0]
    return parts[1] if parts[0] == "core" and parts[1:2] not in ([], ["__init__"]) else None


def height(of: str) -> int:
    """Return the row of FLOORS that a module stands in; those nobody names live on floor 3."""
    rows = [number for number, (_, names) in enumerate(FLOORS) if of in names.split()]
    return rows[0] if rows else [floor for floor, _ in FLOORS].index("3")


def functions(file: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return every function of a file, methods and inner ones among them."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(parsed(file)) if isinstance(node, kinds)]


class TestFloors:
    @pytest.mark.parametrize("file", [*CORE, *PAGES])
    def test_a_module_imports_from_below_only(self, file):
        here = module(file)
        if here is None:
            pytest.skip("the map of the folder")
        for name in imports(file):
            there = module(name)
            if there is None or (there == here and here in TOGETHER):
                continue
            floors = f"floor {FLOORS[height(there)][0]}, from floor {FLOORS[height(here)][0]}"
            assert height(there) < height(here), f"{file} imports {name}: {floors}"

    def test_every_module_that_has_a_floor_exists(self):
        named = {name for floor, names in FLOORS if floor != "3" for name in names.split()}
        there = {module(file) for file in PRODUCT}
        assert named - there <= {"manage"}

    @pytest.mark.parametrize("file", [file for file in CORE if module(file) not in KNOW_SCREENS])
    def test_core_knows_neither_streamlit_nor_starlette(self, file):
        assert not {"streamlit", "starlette"} & {name.split(".")[0] for name in imports(file)}

    @pytest.mark.parametrize("file", [file for file in PAGES if module(file) == "pages"])
    def test_a_page_knows_no_sql_and_opens_no_transaction(self, file):
        names = set(imports(file))
        used = {
            f"{node.value.id}.{node.attr}"
            for node in ast.walk(parsed(file))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        }
        assert "sqlalchemy" not in {name.split(".")[0] for name in names}
        assert "db.run" not in used
        assert "core.db.run" not in names

    def test_nobody_imports_what_decodes_pictures(self):
        assert not [file for file in PRODUCT if "core.pictures" in imports(file)]


@pytest.mark.parametrize("file", PRODUCT)
class TestSizes:
    def test_a_file_is_short(self, file):
        lines = len((PROJECT / file).read_text().splitlines())
        assert lines <= MAY_BE_LONG.get(file, LONGEST_FILE)

    def test_a_function_is_short(self, file):
        lengths = {node.name: 1 + (node.end_lineno or 0) - node.lineno for node in functions(file)}
        assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}


class TestWords:
    @pytest.mark.parametrize("file", CORE)
    def test_what_is_public_in_core_is_explained(self, file):
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        public = [
            node
            for node in parsed(file).body
            if isinstance(node, kinds) and not node.name.startswith("_")
        ]
        assert ast.get_docstring(parsed(file))
        assert [node.name for node in public if not ast.get_docstring(node)] == []

    def test_the_map_of_core_names_every_module(self):
        named = set(re.findall(r"\w+", ast.get_docstring(parsed("core/__init__.py")) or ""))
        assert {name for file in CORE if (name := module(file))} - named == set()

    def test_file_names_say_something(self):
        names = {file: Path(file).stem for file in [*PRODUCT, *files("tests")]}
        assert [file for file, name in names.items() if any(w in name for w in SAYS_NOTHING)] == []

    @pytest.mark.parametrize("file", PRODUCT)
    def test_no_page_draws_raw_html(self, file):
        assert "unsafe_allow_html" not in (PROJECT / file).read_text()
