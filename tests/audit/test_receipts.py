"""Receipts: what an owner downloads today proves something to an auditor elsewhere, later."""

import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from core.access.permissions import Actor
from core.audit import receipt_verifier, receipts
from core.audit.receipt_verifier import find_problems
from core.base import crypto
from core.base.errors import HistoryAltered, NotPermitted
from core.database import db
from core.manage import app
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.history import rename, tampering, verified

SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
Receipt = dict[str, Any]


def download(actor: Actor, org_id: int) -> Receipt:
    db.run(receipts.begin, actor, org_id)
    with db.read() as session:
        made = receipts.make(session, actor, org_id)
    return json.loads(json.dumps(made))


@pytest.fixture
def two(cast: Cast) -> tuple[Receipt, Receipt]:
    """A receipt, and another one after ten more changes."""
    db.run(rename, cast.olga, cast.acme.id, "Acme & Söhne")
    first = download(cast.olga, cast.acme.id)
    for number in range(10):
        db.run(rename, cast.olga, cast.acme.id, f"Acme {number}")
    return first, download(cast.sam, cast.acme.id)


def public_keys() -> list[str]:
    return [crypto.public_key(crypto.key_id())]


class TestMake:
    def test_it_holds_all_entries_its_own_download_among_them(self, cast: Cast, two):
        first, second = two
        assert [len(each["entries"]) for each in two] == [2, 13]
        assert (first["chain"], first["organization"]) == ("org:1", cast.acme.public_id)
        assert second["entries"][-1][6] == "history.downloaded"
        assert verified()[0] == []

    def test_it_is_for_owners_and_staff(self, cast: Cast):
        for actor in (cast.adam, cast.mia):
            with pytest.raises(NotPermitted):
                download(actor, cast.acme.id)

    def test_an_altered_history_is_not_signed(self, cast: Cast):
        db.run(rename, cast.olga, cast.acme.id, "One")
        with tampering() as connection:
            connection.execute(text("UPDATE history SET reason = 'another'"))
        with pytest.raises(HistoryAltered):
            download(cast.olga, cast.acme.id)


@SQLITE
class TestVerify:
    def test_two_receipts_prove_each_other(self, clock: Clock, cast: Cast, two):
        first, second = two
        assert find_problems(first, public_keys()) == []
        assert find_problems(second, ["00" * 32, *public_keys()], first) == []
        clock.turn(timedelta(minutes=1))
        third = download(cast.olga, cast.acme.id)
        assert find_problems(third, public_keys(), second) == []
        [problem] = find_problems(second, public_keys(), third)
        assert "Swap the two files" in problem

    def test_another_key_proves_nothing(self, two):
        assert find_problems(two[0], ["00" * 32]) == [
            "The signature doesn't match the content and the public key."
        ]

    @pytest.mark.parametrize("name", ["chain", "organization", "at", "entries", "digest", "key_id"])
    def test_whatever_is_altered_is_found(self, two, name: str):
        altered = two[1] | {name: two[1][name][:-1]}
        assert find_problems(altered, public_keys()) != []

    def test_a_rewritten_history_contradicts_the_older_receipt(self, two):
        first, second = two
        entries = [list(entry) for entry in second["entries"]]
        entries[0][10] = "as nobody asked"
        digest = receipt_verifier.GENESIS
        for entry in entries:
            digest = receipt_verifier.grow(digest, entry)
        forged = second | {"entries": entries, "digest": digest}
        signer = crypto.signing_key(crypto.key_id())
        forged["signature"] = signer.sign(receipt_verifier.signed_part(forged)).hex()
        assert find_problems(forged, public_keys()) == []
        [problem] = find_problems(forged, public_keys(), first)
        assert "history was rewritten" in problem

    def test_the_command_and_the_single_file_say_the_same(self, two, tmp_path: Path):
        old, new = tmp_path / "old.json", tmp_path / "new.json"
        for file, receipt in zip((old, new), two, strict=True):
            file.write_text(json.dumps(receipt, indent=1))
        options = [str(new), "--key", *public_keys(), "--after", str(old)]
        by_command = CliRunner().invoke(app, ["verify-receipt", *options])
        assert by_command.exit_code == 0, by_command.stderr
        alone = shutil.copy(receipt_verifier.__file__, tmp_path / "verifier.py")
        command = [sys.executable, "-I", alone, *options]
        by_file = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert by_file.stdout == by_command.stdout
        assert by_file.stdout.startswith(f"Valid: 13 entries of {two[1]['organization']} as of ")


@pytest.mark.parametrize("content", ["[]", "{}", "x", '{"format": "orgdesk receipt 1"}'])
def test_other_files_are_refused(tmp_path: Path, content: str):
    file = tmp_path / "other.json"
    file.write_text(content)
    done = CliRunner().invoke(app, ["verify-receipt", str(file), "--key", "00" * 32])
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr
