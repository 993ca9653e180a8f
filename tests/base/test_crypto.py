import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

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
        crypto.derive("history")
        assert beside.stat().st_mode & 0o777 == 0o600
        assert len(beside.read_text()) == 64
        assert list(beside.parent.glob("*.key*")) == [beside]

    def test_it_survives_restarts(self, beside: Path):
        before = crypto.derive("history")
        clear_caches()
        assert crypto.derive("history") == before

    def test_processes_that_start_together_share_it(self, beside: Path):
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(crypto._read_or_make, [beside] * 8))
        assert len(set(found)) == 1
        assert list(beside.parent.glob("*.key*")) == [beside]

    def test_the_setting_takes_precedence(self, beside: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("SECRET_KEY", KEY)
        clear_caches()
        crypto.derive("history")
        assert not beside.exists()


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
