"""The few plain HTTP endpoints beside Streamlit, and what stands in front of all of them."""

from starlette.middleware import Middleware

from core.web.endpoints import ROUTES
from core.web.gatekeeper import Door
from core.web.metrics import Measured
from core.web.security_headers import Headers

MIDDLEWARE = (Middleware(Measured), Middleware(Headers), Middleware(Door))

__all__ = ["MIDDLEWARE", "ROUTES"]
