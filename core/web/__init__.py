"""HTTP beside Streamlit: middleware for every request, and a few plain endpoints."""

from starlette.middleware import Middleware

from core.web.endpoints import ROUTES
from core.web.gatekeeper import Gatekeeper
from core.web.metrics import RequestMetrics
from core.web.security_headers import SecurityHeaders
from core.web.static_files import StaticFiles

MIDDLEWARE = (
    Middleware(RequestMetrics),
    Middleware(SecurityHeaders),
    Middleware(Gatekeeper),
    Middleware(StaticFiles),
)

__all__ = ["MIDDLEWARE", "ROUTES"]
