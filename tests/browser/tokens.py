"""Capture the tickets and session cookies that pass between browsers and the server."""

import re

from playwright.sync_api import Page, Request, Response

_COOKIE = re.compile(r"^[^=]+=([^;]{20,})")
_TOKEN = re.compile(r"[\w-]{40,}")


class CapturedTokens:
    """The tickets and session cookies of the given pages."""

    def __init__(self, *pages: Page) -> None:
        self._requests: list[Request] = []
        self._responses: list[Response] = []
        for page in pages:
            page.on("request", self._note_request)
            page.on("response", self._note_response)

    def read(self) -> set[str]:
        """Return all tickets and cookies in plain text."""
        tickets = {
            word for request in self._requests for word in _TOKEN.findall(request.post_data or "")
        }
        cookies = {
            found[1]
            for response in self._responses
            for header in response.headers_array()
            if header["name"].lower() == "set-cookie" and (found := _COOKIE.match(header["value"]))
        }
        return tickets | cookies

    def _note_request(self, request: Request) -> None:
        if "/auth/" in request.url:
            self._requests.append(request)

    def _note_response(self, response: Response) -> None:
        if "/auth/" in response.url:
            self._responses.append(response)
