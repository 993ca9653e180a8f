"""Capture the tickets and session cookies that pass between browsers and the server."""

import re

from playwright.sync_api import BrowserContext, Page, Request

_TOKEN = re.compile(r"[\w-]{40,}")
_SHORTEST = 20
"""Characters of a cookie that is a secret."""


class CapturedTokens:
    """The tickets of one page, and the session cookies of several."""

    def __init__(self, page: Page, *others: Page) -> None:
        self._requests: list[Request] = []
        self._contexts: list[BrowserContext] = [each.context for each in (page, *others)]
        page.on("request", self._note_request)  # for each file of a page: of one page is enough

    def read(self) -> set[str]:
        """Return all tickets and cookies in plain text."""
        tickets = {
            word for request in self._requests for word in _TOKEN.findall(request.post_data or "")
        }
        cookies = [
            {cookie["value"] for cookie in context.cookies() if len(cookie["value"]) >= _SHORTEST}
            for context in self._contexts
        ]
        assert tickets
        assert all(cookies)
        return tickets.union(*cookies)

    def _note_request(self, request: Request) -> None:
        if "/auth/" in request.url:
            self._requests.append(request)
