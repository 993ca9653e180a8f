"""Headers on every answer: what a browser may load, run and tell others about Orgdesk."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.base.settings import settings

_CONTENT = "; ".join(
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
    "content-security-policy": _CONTENT,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Headers:
    """Middleware that adds them where an answer does not bring stricter ones of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            send = _adding(_ALWAYS | _under_tls(scope) | _in_no_cache(scope), send)
        await self.app(scope, receive, send)


def is_under_tls(scope: Scope) -> bool:
    """Return whether the browser came by https, to us or to the proxy before us."""
    return scope["scheme"] in {"https", "wss"} or settings().public_url.startswith("https://")


def _under_tls(scope: Scope) -> dict[str, str]:
    if not is_under_tls(scope):
        return {}
    subdomains = "; includeSubDomains" if settings().hsts_subdomains else ""
    return {"strict-transport-security": f"max-age=31536000{subdomains}"}


def _in_no_cache(scope: Scope) -> dict[str, str]:
    """Return that no cache keeps what Streamlit serves for one person, recovery codes among it."""
    return {"cache-control": "no-store"} if scope["path"].startswith("/media/") else {}


def _adding(headers: dict[str, str], send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = MutableHeaders(scope=message)
            for name, value in headers.items():
                present.setdefault(name, value)
        await send(message)

    return send_with_headers
