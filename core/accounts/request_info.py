"""Read the session cookie, the client's IP address and the device from a request's headers."""

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from core.base.settings import settings

_SECURE_PREFIX = "__Host-"
_LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}

_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def cookie_name(*, host: str, takes_secure: bool) -> str:
    """Return the name of the session cookie for a browser at this host.

    Safari drops Secure cookies on plain http://localhost. Only on a loopback host is the name used
    without its `__Host-` prefix, which requires Secure.
    """
    name = settings().cookie_name
    if takes_secure or not is_loopback(host):
        return name
    return name.removeprefix(_SECURE_PREFIX)


def find_token(cookies: Mapping[str, str], *, host: str) -> str | None:
    """Return the session token in the cookies of a request, or None."""
    names = (cookie_name(host=host, takes_secure=secure) for secure in (True, False))
    return next((cookies[name] for name in names if cookies.get(name)), None)


def known_browser_cookie_name(session_cookie: str) -> str:
    """Return the name of the cookie of `known_browsers`, beside that of the session."""
    return f"{session_cookie}-browser"


def find_known_browser(cookies: Mapping[str, str], *, host: str) -> str:
    """Return the cookie of `known_browsers` that a request carries, empty without one."""
    names = (cookie_name(host=host, takes_secure=secure) for secure in (True, False))
    return next(filter(None, (cookies.get(known_browser_cookie_name(n), "") for n in names)), "")


def is_loopback(host: str) -> bool:
    """Return whether a Host header names the local machine."""
    return re.sub(r":\d+$", "", host).lower() in _LOOPBACK


def find_ip_address(peer: str, forwarded_for: Sequence[str]) -> str:
    """Return the IP address of the client: the last hop that is not a trusted proxy.

    `forwarded_for` are all `X-Forwarded-For` headers in order: some proxies append their hop as
    another header, behind those that the client made up.
    """
    trusted = settings().trusted_proxies
    hops = [hop.strip() for hop in ",".join(forwarded_for).split(",") if hop.strip()]
    while peer in trusted and hops:
        peer = hops.pop()
    try:
        return str(ip_address(peer))
    except ValueError:
        return "unknown"


def describe_device(user_agent: str) -> str:
    """Return the browser and the operating system of a User-Agent, such as `Chrome on Linux`."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "Unknown browser")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    return f"{browser} on {system}" if system else browser
