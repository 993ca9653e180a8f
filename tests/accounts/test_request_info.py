"""Request info: cookie, IP address and device from headers."""

from collections.abc import Iterator

import pytest

from core.accounts import request_info
from core.base.settings import settings


@pytest.fixture
def trusted_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TRUSTED_PROXIES", '["10.0.0.1"]')
    settings.cache_clear()
    yield "10.0.0.1"
    monkeypatch.undo()
    settings.cache_clear()


class TestDevice:
    @pytest.mark.parametrize(
        ("agent", "device"),
        [
            ("Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0 Safari/537.36", "Chrome on Linux"),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/156.0 Safari/537.36 Edg/156", "Edge on Windows"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15_1) Version/19 Safari/605", "Safari on Mac"),
            ("Mozilla/5.0 (iPhone; CPU like Mac OS X) Version/19 Safari/605", "Safari on iPhone"),
            ("Mozilla/5.0 (Android 16; Mobile) Gecko/146 Firefox/146.0", "Firefox on Android"),
            ("curl/8.9", "Unknown browser"),
            ("", "Unknown browser"),
        ],
    )
    def test_a_device_has_a_readable_name(self, agent: str, device: str) -> None:
        assert request_info.describe_device(agent) == device


class TestIpAddress:
    def test_an_untrusted_proxy_is_ignored(self) -> None:
        assert request_info.find_ip_address("203.0.113.9", ["198.51.100.7"]) == "203.0.113.9"

    @pytest.mark.parametrize(
        "headers",
        [["6.6.6.6, 198.51.100.7"], ["6.6.6.6", "198.51.100.7"], ["6.6.6.6,", "198.51.100.7"]],
    )
    def test_behind_our_proxy_the_last_hop_counts(
        self, trusted_proxy: str, headers: list[str]
    ) -> None:
        assert request_info.find_ip_address(trusted_proxy, headers) == "198.51.100.7"

    def test_an_invalid_address_is_not_repeated(self, trusted_proxy: str) -> None:
        assert request_info.find_ip_address(trusted_proxy, ["<script>"]) == "unknown"


class TestCookie:
    def test_its_name_asks_for_secure(self) -> None:
        name = request_info.cookie_name(host="orgdesk.example", takes_secure=False)
        assert name == "__Host-orgdesk"

    def test_only_a_loopback_host_gets_an_unprefixed_cookie(self) -> None:
        assert request_info.cookie_name(host="127.0.0.1:8501", takes_secure=False) == "orgdesk"
        assert request_info.find_token({"orgdesk": "token"}, host="localhost:8501") == "token"
        assert request_info.find_token({"orgdesk": "token"}, host="orgdesk.example") is None

    def test_another_cookie_is_none(self) -> None:
        assert request_info.find_token({"__Host-orgdesk-demo": "x"}, host="localhost") is None
