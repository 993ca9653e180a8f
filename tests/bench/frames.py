"""Watch a page frame by frame: when a click was made, and in which frame its answer was shown."""

import base64
from collections.abc import Callable
from typing import Any, Final

from playwright.sync_api import CDPSession, Page

TIMEOUT_MS: Final = 60_000
SLOW_LINE: Final = {
    "offline": False,
    "latency": 40,
    "downloadThroughput": 10e6 / 8,
    "uploadThroughput": 10e6 / 8,
}

WATCH: Final = """
window.watch = (() => {
  const roots = (from = document) => [from, ...[...from.querySelectorAll("*")]
    .filter((each) => each.shadowRoot).map((each) => each.shadowRoot)]
  const find = (selector) => roots().flatMap((root) => [...root.querySelectorAll(selector)])
  const rows = () => find("table tbody.body tr")
  const text = () => rows().map((row) => row.textContent).join("|")
  const title = () => document.querySelector("h1")?.textContent.trim()
  const has = (selector) => Boolean(document.querySelector(selector))
  const shown = {
    "empty": () => has("[data-testid=stText]"),
    "rows": () => title() === "Organizations" && rows().length > 0,
    "one row": (name) => rows().length === 1 && rows()[0].textContent.includes(name),
    "other rows": (_, before) => rows().length > 0 && text() !== before,
    "title": (name) => title() === name,
    "title and rows": (name) => title() === name && rows().length > 0,
    "cards": () => has("[class*=st-key-card]") || find(".card").length > 0,
    "people": () => title() === "Access Control" && rows().length > 0,
    "profile": () => document.title.startsWith("Organization Profile") &&
      has("[data-test-script-state=notRunning]"),
    "activity": () => title() === "Activity" && find(".timeline li").length > 0,
    "notice": () => has("[data-testid=stToast]"),
  }
  // Resolve with the milliseconds from `since()` to the first frame that shows the answer.
  const until = (what, value, since) => new Promise((resolve, reject) => {
    const before = text()
    const look = (at) => since() !== null && shown[what](value, before)
      ? resolve(at - since()) : requestAnimationFrame(look)
    requestAnimationFrame(look)
    setTimeout(() => reject(new Error(`"${what}" was not shown`)), TIMEOUT_MS)
  })
  return {
    rows,
    opened: (what) => until(what, "", () => 0),
    acted(what, value) {
      let at = null
      for (const kind of ["pointerup", "keydown", "input", "popstate"])
        addEventListener(kind, (event) => { at ??= event.timeStamp }, { capture: true, once: true })
      return { answer: until(what, value, () => at) }
    },
  }
})()
""".replace("TIMEOUT_MS", str(TIMEOUT_MS))


def open_page(page: Page, path: str, shown: str) -> float:
    """Load a page; return the milliseconds from the start to the first frame that shows it."""
    page.goto(path, wait_until="commit")
    page.wait_for_function("window.watch")
    took: float = page.evaluate("(what) => watch.opened(what)", shown)
    settle(page)
    return took


def measure(page: Page, act: Callable[[], Any], shown: str, value: str = "") -> float:
    """Act on a page; return the milliseconds from the click or key to the frame with the answer."""
    page.evaluate("([what, value]) => { window.acted = watch.acted(what, value) }", [shown, value])
    act()
    took: float = page.evaluate("() => acted.answer")
    settle(page)
    return took


def settle(page: Page) -> None:
    """Wait until nothing runs any more, so that the next measurement is of its own."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_timeout(300)


class Traffic:
    """What a page requests over a slow line: requests, their bytes, and websocket frames."""

    def __init__(self, page: Page) -> None:
        self.requests = self.bytes = self.frames = 0
        session: CDPSession = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", SLOW_LINE)
        session.on("Network.requestWillBeSent", self._count_request)
        session.on("Network.loadingFinished", self._count_bytes)
        session.on("Network.webSocketFrameReceived", self._count_frame)

    def _count_request(self, event: dict[str, Any]) -> None:
        self.requests += event["request"]["url"].startswith("http")

    def _count_bytes(self, event: dict[str, Any]) -> None:
        self.bytes += event["encodedDataLength"]

    def _count_frame(self, event: dict[str, Any]) -> None:
        self.frames += len(base64.b64decode(event["response"]["payloadData"])) > 0
