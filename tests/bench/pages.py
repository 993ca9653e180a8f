"""The cost of every page, and of every filter and sort order of Organizations."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import orjson
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.models import Stage
from core.organizations.filters import Activity, Members, Profile, Sort
from pages.ui.navigation import PAGES
from tests.support.streamlit_client import open_app

ROUNDS = 3
RERUNS = 20
WARM_UP = 4


_WITHOUT_ORGANIZATION = {"home", "welcome"}
"""Pages that need no organization; Welcome is measured for a person without one."""
NEWCOMERS = {"welcome"}


@dataclass(frozen=True)
class Request:
    """A page to measure: its name in the table, its path, and its query."""

    name: str
    page: str
    query: dict[str, Any]


@dataclass(frozen=True)
class Cost:
    """The milliseconds of one rerun of a page; those of the database without fetching rows."""

    page: str
    organizations: int
    engine: str
    queries: int
    db_ms: float
    rerun_p50_ms: float
    rerun_p95_ms: float
    empty_p50_ms: float

    def as_row(self) -> dict[str, Any]:
        """Return a row of the table, with the ratio to the empty page."""
        return asdict(self) | {"times_empty": round(self.rerun_p50_ms / self.empty_p50_ms, 2)}


def list_requests(org: str, rep: int) -> Iterator[Request]:
    """Yield every page, then every filter and sort order of Organizations."""
    for page in PAGES:
        if page.section != "public" and page.address != "organizations":
            yield Request(
                page.address,
                page.address,
                {} if page.address in _WITHOUT_ORGANIZATION else {"org": org},
            )
    views: dict[str, dict[str, Any]] = {
        "first page": {},
        "last page": {"at": "last"},
        "search, many matches": {"q": "clinic"},
        "search, few matches": {"q": "tamarack orthopedics alliance"},
        "search, one letter": {"q": "s"},
        "search, an ID": {"q": org},
        "100 rows": {"rows": 100},
        "sales rep": {"rep": rep},
        "sales rep and stage": {"rep": rep, "stage": [Stage.ONBOARDING]},
        "search and stage": {"q": "clinic", "stage": [Stage.ONBOARDING]},
    }
    views |= {f"stage {stage}": {"stage": [stage]} for stage in Stage}
    views |= {f"members {size}": {"members": size} for size in Members}
    views |= {f"profile {state}": {"profile": state} for state in Profile}
    views |= {f"activity {when}": {"activity": when} for when in Activity}
    views |= {
        "created from a date on": {"from": "2026-01-01"},
        "created in a month": {"from": "2025-03-01", "to": "2025-03-31"},
        "deleted": {"deleted": "true"},
        "every filter": {
            "rep": rep,
            "stage": [Stage.ONBOARDING, Stage.PRODUCTION],
            "members": Members.HANDFUL,
            "profile": Profile.COMPLETE,
            "from": "2025-01-01",
        },
    }
    views |= {f"sort {sort}": {"sort": sort} for sort in Sort}
    views |= {f"sort {sort}, last page": {"sort": sort, "at": "last"} for sort in Sort}
    views |= {f"sort {sort}, a stage": {"sort": sort, "stage": [Stage.FREE]} for sort in Sort}
    for name, query in views.items():
        yield Request(f"organizations: {name}", "organizations", query)


def rerun_times(url: str, page: str = "", query: str = "", cookie: str = "") -> list[float]:
    """Return the milliseconds of many reruns in one session, in ascending order."""
    times = []
    with open_app(url, cookie=cookie) as client:
        for _ in range(WARM_UP + RERUNS):
            began = time.perf_counter()
            messages = client.rerun(page, query)
            times.append((time.perf_counter() - began) * 1000)
            _ensure_drawn(messages, page)
    return sorted(times[WARM_UP:])


def first_rerun(url: str, cookie: str) -> float:
    """Return the milliseconds of the first rerun on a server."""
    with open_app(url, cookie=cookie) as client:
        began = time.perf_counter()
        client.rerun("organizations")
        return (time.perf_counter() - began) * 1000


def measure(
    url: str, empty_url: str, request: Request, cookie: str, *, organizations: int, engine: str
) -> Cost:
    """Measure a page alternately with the empty page, and return the best round of each."""
    query = urlencode(request.query, doseq=True)
    empties, rounds = [], []
    for _ in range(ROUNDS):
        empties.append(rerun_times(empty_url))
        rounds.append(rerun_times(url, request.page, query, cookie))
    empty, times = min(empties, key=statistics.median), min(rounds, key=statistics.median)
    with open_app(url, cookie=cookie) as client:
        client.rerun(request.page, query)
        _query_times(url)
        client.rerun(request.page, query)
    queries = _query_times(url)
    return Cost(
        page=request.name,
        organizations=organizations,
        engine=engine,
        queries=len(queries),
        db_ms=round(sum(queries), 2),
        rerun_p50_ms=round(statistics.median(times), 1),
        rerun_p95_ms=round(percentile(times, 0.95), 1),
        empty_p50_ms=round(statistics.median(empty), 1),
    )


def percentile(ascending: list[float], share: float) -> float:
    """Return the value below which a share of the values is."""
    return ascending[min(len(ascending) - 1, int(len(ascending) * share))]


def _query_times(url: str) -> list[float]:
    with urlopen(f"{url}/bench", timeout=10) as response:
        times: list[float] = orjson.loads(response.read())
    return times


def _ensure_drawn(messages: list[ForwardMsg], page: str) -> None:
    """Stop if a page shows an error, or nothing."""
    types = [m.delta.new_element.WhichOneof("type") for m in messages if m.HasField("delta")]
    if "exception" in types or not types:
        raise SystemExit(f"The page {page or 'empty'} did not draw: {set(types)}")
