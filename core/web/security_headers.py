"""Security headers for every response: what a browser may load, run and send to others."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.base.settings import settings

_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "object-src 'none'",
    )
)
_ALWAYS = {
    "content-security-policy": _CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class SecurityHeaders:
    """ASGI middleware that adds the headers that a response does not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, and add the headers to its response."""
        if scope["type"] == "http":
            send = _with_headers(_ALWAYS | _hsts(scope) | _no_store(scope), send)
        await self.app(scope, receive, send)


def is_under_tls(scope: Scope) -> bool:
    """Return whether the browser uses https, to us or to the proxy in front of us."""
    return scope["scheme"] in {"https", "wss"} or settings().public_url.startswith("https://")


def _hsts(scope: Scope) -> dict[str, str]:
    if not is_under_tls(scope):
        return {}
    subdomains = "; includeSubDomains" if settings().hsts_subdomains else ""
    return {"strict-transport-security": f"max-age=31536000{subdomains}"}


def _no_store(scope: Scope) -> dict[str, str]:
    """Keep personal files of Streamlit, among them recovery codes, out of every cache."""
    return {"cache-control": "no-store"} if scope["path"].startswith("/media/") else {}


def _with_headers(headers: dict[str, str], send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = MutableHeaders(scope=message)
            for name, value in headers.items():
                present.setdefault(name, value)
        await send(message)

    return send_with_headers
