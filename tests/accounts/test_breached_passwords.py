"""Passwords that were breached elsewhere are refused, if the operator has the list."""

import hashlib
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.accounts import breached_passwords, passwords
from core.base.settings import Settings, settings
from core.base.validation import InvalidValue

KNOWN = [f"a phrase that was stolen {number}" for number in range(50)]


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of breached passwords with counts of different lengths."""
    digests = sorted(hashlib.sha1(each.encode()).hexdigest().upper() for each in KNOWN)
    path = tmp_path / "breached.txt"
    path.write_text("".join(f"{each}:{3**n}\r\n" for n, each in enumerate(digests)))
    monkeypatch.setenv("BREACHED_PASSWORDS_FILE", str(path))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("listed")
class TestListed:
    def test_each_password_in_the_list_is_found(self):
        assert all(map(breached_passwords.is_breached, KNOWN))

    def test_others_are_not(self):
        others = [f"a phrase that nobody knows {number}" for number in range(200)]
        assert not any(map(breached_passwords.is_breached, others))

    def test_it_is_refused_with_a_reason(self):
        with pytest.raises(InvalidValue, match="stolen from another service"):
            passwords.check(KNOWN[7], words=[])


def test_without_a_list_nothing_is_read():
    assert not breached_passwords.is_breached(KNOWN[0])


def test_orgdesk_does_not_start_with_a_list_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="must be the path of a file"):
        Settings(breached_passwords_file=str(tmp_path / "breached.txt"))
