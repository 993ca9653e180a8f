"""Send the scripts and styles of our components, compressed, to be kept until they change."""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from core.base import assets

_HASHED_NAME: Final = re.compile(r"([a-z_]+)\.[0-9a-f]{16}\.(js|css)")


async def send_asset(request: Request) -> Response:
    """Send a file of our components by its address with the hash.

    A page that was opened before an update still asks for the old hash. It gets the current file,
    which is not kept under that address.
    """
    name = _HASHED_NAME.fullmatch(request.path_params["name"])
    asset = assets.find(f"{name[1]}.{name[2]}") if name else None
    if asset is None:
        return PlainTextResponse("File not found.", 404)
    is_current = request.url.path == asset.path
    headers = {
        "cache-control": "public, max-age=31536000, immutable" if is_current else "no-store",
        "vary": "accept-encoding",
    }
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(asset.content, media_type=asset.media_type, headers=headers)
    headers["content-encoding"] = "gzip"
    return Response(asset.compressed, media_type=asset.media_type, headers=headers)
