"""The few plain HTTP endpoints beside Streamlit, and what stands in front of all of them."""

from starlette.middleware import Middleware

from core.web.door import Door
from core.web.endpoints import ROUTES
from core.web.headers import Headers
from core.web.metrics import Measured

MIDDLEWARE = (Middleware(Measured), Middleware(Headers), Middleware(Door))

__all__ = ["MIDDLEWARE", "ROUTES"]
