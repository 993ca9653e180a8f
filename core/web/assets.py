"""Send the scripts, styles and icons of our components, to be kept until they change."""

import re
from functools import cache
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from core.base import assets
from core.web.compression import choose_encoding, compress, respond

_HASHED_NAME: Final = re.compile(r"([a-z_]+)\.[0-9a-f]{16}\.([a-z0-9]+)")
FOREVER: Final = "public, max-age=31536000, immutable"


def send_asset(request: Request) -> Response:
    """Send a file of our components by its address with the hash.

    A page that was opened before an update still asks for the old hash. It gets the current file,
    which is not kept under that address.
    """
    name = _HASHED_NAME.fullmatch(request.path_params["name"])
    asset = assets.find(f"{name[1]}.{name[2]}") if name else None
    if asset is None:
        return PlainTextResponse("File not found.", 404)
    encoding = "" if asset.media_type.startswith("font/") else choose_encoding(request)
    cache_control = FOREVER if request.url.path == asset.path else "no-store"
    return respond(_compress(asset, encoding), encoding, asset.media_type, cache_control)


@cache
def _compress(asset: assets.Asset, encoding: str) -> bytes:
    return compress(asset.content, encoding)
