"""What lets somebody in, as it passes between a browser and the server."""

import re

from playwright.sync_api import Page, Request, Response

_COOKIE = re.compile(r"^[^=]+=([^;]{20,})")
_LONG = re.compile(r"[\w-]{40,}")


class Secrets:
    """Every ticket and cookie that the browsers of these pages are given."""

    def __init__(self, *pages: Page) -> None:
        self._asked: list[Request] = []
        self._answered: list[Response] = []
        for page in pages:
            page.on("request", self._note_request)
            page.on("response", self._note_response)

    def read(self) -> set[str]:
        """Return all of them, in plain text."""
        tickets = {
            word for request in self._asked for word in _LONG.findall(request.post_data or "")
        }
        cookies = {
            found[1]
            for response in self._answered
            for header in response.headers_array()
            if header["name"].lower() == "set-cookie" and (found := _COOKIE.match(header["value"]))
        }
        return tickets | cookies

    def _note_request(self, request: Request) -> None:
        if "/auth/" in request.url:
            self._asked.append(request)

    def _note_response(self, response: Response) -> None:
        if "/auth/" in response.url:
            self._answered.append(response)
