import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.accounts import known_browsers
from core.base import crypto
from tests.support.engines import clear_caches, use

KEY = "k" * 32


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Unset SECRET_KEY, and return the path of the key file."""
    with use(f"sqlite:///{tmp_path}/orgdesk.db"):
        monkeypatch.delenv("SECRET_KEY")
        clear_caches()
        yield tmp_path / "orgdesk.db.key"


class TestFile:
    def test_it_is_created_next_to_the_database_with_private_permissions(self, beside: Path):
        crypto.create_key_file()
        assert beside.stat().st_mode & 0o777 == 0o600
        assert len(beside.read_text()) == 64
        assert list(beside.parent.glob("*.key*")) == [beside]

    def test_it_is_not_created_by_those_who_only_need_it(self, beside: Path):
        with pytest.raises(crypto.MissingKey, match="Put it back from your backup"):
            crypto.derive("history")
        assert not beside.exists()

    def test_it_survives_restarts(self, beside: Path):
        crypto.create_key_file()
        before = crypto.derive("history")
        clear_caches()
        crypto.create_key_file()
        assert crypto.derive("history") == before

    def test_processes_that_start_together_share_it(self, beside: Path):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: crypto.create_key_file(), range(8)))
        assert len(beside.read_text()) == 64
        assert list(beside.parent.glob("*.key*")) == [beside]

    def test_the_setting_takes_precedence(self, beside: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("SECRET_KEY", KEY)
        clear_caches()
        crypto.create_key_file()
        crypto.derive("history")
        assert not beside.exists()


class TestSeveralKeys:
    def test_a_new_key_in_the_file_is_the_one_in_use(self, beside: Path):
        crypto.create_key_file()
        old = crypto.key_id()
        crypto.add_to_key_file()
        assert crypto.key_id() != old
        assert list(crypto.secrets_by_id()) == [crypto.key_id(), old]
        assert crypto.first_key_id() == old
        assert beside.stat().st_mode & 0o777 == 0o600

    def test_what_older_keys_made_still_works(self, beside: Path):
        crypto.create_key_file()
        nonce = crypto.new_nonce()
        before = crypto.token("reset", nonce), crypto.token("reset", "0" * 32)
        secret = crypto.encrypt("two-factor", "JBSWY3DP", owner="7")
        browser = known_browsers.add("", 7)
        crypto.add_to_key_file()
        assert (crypto.token("reset", nonce), crypto.token("reset", "0" * 32)) == before
        assert crypto.decrypt("two-factor", secret, owner="7") == "JBSWY3DP"
        assert known_browsers.find(browser, 7) is not None
        assert crypto.new_nonce()[:8] == crypto.key_id() != nonce[:8]

    def test_a_key_has_an_id_that_says_nothing_about_it(self, beside: Path):
        crypto.create_key_file()
        assert re.fullmatch(r"[0-9a-f]{8}", crypto.key_id())
        assert crypto.key_id() not in beside.read_text()
        assert crypto.proof(crypto.key_id()).startswith(crypto.key_id())


class TestTokens:
    @pytest.fixture(autouse=True)
    def key(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        with use(f"sqlite:///{tmp_path}/orgdesk.db"):
            yield

    def test_a_token_is_derived_from_its_nonce(self):
        nonce = crypto.new_nonce()
        assert crypto.token("reset", nonce) == crypto.token("reset", nonce)

    def test_a_token_has_256_bits_and_is_safe_in_urls(self):
        token = crypto.token("reset", crypto.new_nonce())
        assert re.fullmatch(r"[\w-]{43}", token)
        assert len(urlsafe_b64decode(token + "=")) == 32

    def test_tokens_differ_by_kind_nonce_and_key(self, monkeypatch: pytest.MonkeyPatch):
        nonce = crypto.new_nonce()
        tokens = {crypto.token("reset", nonce), crypto.token("prove", nonce)}
        tokens |= {crypto.token("reset", crypto.new_nonce())}
        monkeypatch.setenv("SECRET_KEY", "another key that is long enough, too")
        clear_caches()
        assert len(tokens | {crypto.token("reset", nonce)}) == 4

    def test_keys_for_different_purposes_differ(self):
        assert crypto.derive("history") != crypto.derive("link:reset")

    def test_nonces_do_not_repeat(self):
        assert len({crypto.new_nonce() for _ in range(1000)}) == 1000

    @pytest.mark.parametrize("token", ["", "x", "é" * 9, "\ud800", "\x00", "a" * 100_000])
    def test_any_text_has_a_fingerprint(self, token: str):
        assert re.fullmatch(r"[0-9a-f]{64}", crypto.fingerprint(token))
