"""What the headers of a request say about the browser behind it: its cookie, address and device."""

import re
from collections.abc import Mapping
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
    """Return the name of the session's cookie for this browser at this host.

    Some browsers (Safari) keep no Secure cookie for plain http on the own machine; only there a
    name without the `__Host-` prefix, which asks for Secure, stands in.
    """
    name = settings().cookie_name
    if takes_secure or not is_loopback(host):
        return name
    return name.removeprefix(_SECURE_PREFIX)


def find_token(cookies: Mapping[str, str], *, host: str) -> str | None:
    """Return the token that the cookies of a request carry, if they carry one."""
    names = (cookie_name(host=host, takes_secure=secure) for secure in (True, False))
    return next((cookies[name] for name in names if cookies.get(name)), None)


def is_loopback(host: str) -> bool:
    """Return whether a Host header names the machine it was sent from."""
    return re.sub(r":\d+$", "", host).lower() in _LOOPBACK


def find_place(peer: str, forwarded_for: str) -> str:
    """Return the address a request comes from: the last one that is not a proxy of our own."""
    trusted = settings().trusted_proxies
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    while peer in trusted and hops:
        peer = hops.pop()
    try:
        return str(ip_address(peer))
    except ValueError:
        return "unknown"


def describe_device(user_agent: str) -> str:
    """Return a browser and its system in plain words, such as `Chrome on Linux`."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "Unknown browser")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    return f"{browser} on {system}" if system else browser
