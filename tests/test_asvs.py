"""OWASP ASVS 5.0, levels 1 and 2: what proves each requirement, or why it is not met.

The table is `tests/asvs.tsv`, a line for each requirement by its id. `by` is one of

* `test`: tests, as `folder/file.py::test`, or `::*` for all of a file;
* `guide`: a section of a guide, as `path#heading`;
* `design`: a sentence on how it is built, or on the check that keeps it;
* `deployment`: what the operator does;
* `not applicable` or `deviation`: why.
"""

import ast
import csv
import re
from collections import Counter
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

TESTS = Path(__file__).parent
PROJECT = TESTS.parent
NUMBERS = {"1": 70, "2": 183}
"""How many requirements each level has in ASVS 5.0.0, levels 1 and 2."""
ROWS = list(csv.DictReader((TESTS / "asvs.tsv").read_text().splitlines(), delimiter="\t"))
INSTALLERS = {"pip", "setuptools", "wheel"}


@cache
def names_in(file: str) -> set[str]:
    """Return the names of the tests in a file, and of what else is defined there."""
    kinds = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    tree = ast.parse((TESTS / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_every_requirement_has_its_line_once():
    assert Counter(row["level"] for row in ROWS) == NUMBERS
    assert len({row["id"] for row in ROWS}) == len(ROWS)


def test_what_a_line_names_exists():
    for row in ROWS:
        if row["by"] == "test":
            for file, _, name in (named.partition("::") for named in row["what"].split()):
                assert name == "*" or name in names_in(file), f"{row['id']}: {file}::{name}"
        elif row["by"] == "guide":
            path, _, heading = row["what"].partition("#")
            assert f"## {heading}\n" in (PROJECT / path).read_text(), row["id"]
        else:
            assert row["by"] in {"design", "deployment", "not applicable", "deviation"}, row["id"]
            assert re.search(r"\w.*\.$", row["what"]), f"{row['id']}: a reason is a sentence"


def test_level_1_is_met_and_of_level_2_95_percent():
    applying = [row for row in ROWS if row["by"] != "not applicable"]
    deviating = [row for row in applying if row["by"] == "deviation"]
    assert {row["level"] for row in deviating} == {"2"}
    assert len(deviating) <= 0.05 * sum(row["level"] == "2" for row in applying)


def test_what_is_installed_is_in_the_inventory():
    inventory = (PROJECT / "requirements.txt").read_text()
    pinned = re.findall(r"^([\w.-]+?)(?:\[.*?\])?==", inventory, re.MULTILINE)
    installed = {_normalized(each.name) for each in distributions()}
    assert installed - INSTALLERS - set(map(_normalized, pinned)) == set()


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
