"""Every page, and every filter and sort of Organizations: what each costs."""

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
from core.organizations.org_choices import Activity, Members, Profile, Sort
from data.seed.names import STAFF
from pages.ui.navigation import PAGES
from tests.support.streamlit_client import open_app

ROUNDS = 3
RERUNS = 20
WARM_UP = 4


_ALONE = {"home", "welcome"}
"""Pages that lead on; Welcome is measured as somebody sees it who belongs nowhere."""
NEWCOMERS = {"welcome"}


@dataclass(frozen=True)
class Look:
    """A page as somebody asks for it: its name in the table, its path, its query."""

    name: str
    page: str
    query: dict[str, Any]


@dataclass(frozen=True)
class Cost:
    """What one rerun of a page costs, in milliseconds; the database's without fetching rows."""

    page: str
    organizations: int
    engine: str
    queries: int
    db_ms: float
    rerun_p50_ms: float
    rerun_p95_ms: float
    empty_p50_ms: float

    def as_row(self) -> dict[str, Any]:
        """Return it for a table, and how it stands against the empty page."""
        return asdict(self) | {"times_empty": round(self.rerun_p50_ms / self.empty_p50_ms, 2)}


def looks(org: str) -> Iterator[Look]:
    """Yield every page, then every view of Organizations that is offered."""
    for page in PAGES:
        if page.section != "public" and page.address != "organizations":
            yield Look(page.address, page.address, {} if page.address in _ALONE else {"org": org})
    views: dict[str, dict[str, Any]] = {
        "first page": {},
        "last page": {"at": "last"},
        "search, many hits": {"q": "clinic"},
        "search, few hits": {"q": "tamarack orthopedics alliance"},
        "search, one letter": {"q": "s"},
        "search, an ID": {"q": org},
        "100 rows": {"rows": 100},
        "sales rep": {"rep": STAFF[1][0]},
        "sales rep and stage": {"rep": STAFF[1][0], "stage": [Stage.ONBOARDING]},
        "search and stage": {"q": "clinic", "stage": [Stage.ONBOARDING]},
    }
    views |= {f"stage {stage}": {"stage": [stage]} for stage in Stage}
    views |= {f"members {size}": {"members": size} for size in Members}
    views |= {f"profile {state}": {"profile": state} for state in Profile}
    views |= {f"activity {when}": {"activity": when} for when in Activity}
    views |= {
        "created from a day on": {"from": "2026-01-01"},
        "created in a month": {"from": "2025-03-01", "to": "2025-03-31"},
        "deleted": {"deleted": "true"},
        "every filter": {
            "rep": STAFF[1][0],
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
        yield Look(f"organizations: {name}", "organizations", query)


def times(url: str, page: str = "", query: str = "", cookie: str = "") -> list[float]:
    """Return the milliseconds of many reruns in one session, in ascending order."""
    taken = []
    with open_app(url, cookie=cookie) as client:
        for _ in range(WARM_UP + RERUNS):
            began = time.perf_counter()
            messages = client.rerun(page, query)
            taken.append((time.perf_counter() - began) * 1000)
            _ensure_drawn(messages, page)
    return sorted(taken[WARM_UP:])


def first_rerun(url: str, cookie: str) -> float:
    """Return the milliseconds of the first rerun that a server is asked for."""
    with open_app(url, cookie=cookie) as client:
        began = time.perf_counter()
        client.rerun("organizations")
        return (time.perf_counter() - began) * 1000


def measure(
    url: str, empty_url: str, look: Look, cookie: str, *, organizations: int, engine: str
) -> Cost:
    """Return what one page costs, beside an empty page in turn: of each the best of the rounds."""
    query = urlencode(look.query, doseq=True)
    empties, rounds = [], []
    for _ in range(ROUNDS):
        empties.append(times(empty_url))
        rounds.append(times(url, look.page, query, cookie))
    empty, taken = min(empties, key=statistics.median), min(rounds, key=statistics.median)
    with open_app(url, cookie=cookie) as client:
        client.rerun(look.page, query)
        _asked(url)
        client.rerun(look.page, query)
    asked = _asked(url)
    return Cost(
        page=look.name,
        organizations=organizations,
        engine=engine,
        queries=len(asked),
        db_ms=round(sum(asked), 2),
        rerun_p50_ms=round(statistics.median(taken), 1),
        rerun_p95_ms=round(at(taken, 0.95), 1),
        empty_p50_ms=round(statistics.median(empty), 1),
    )


def at(ascending: list[float], share: float) -> float:
    """Return the value below which this share of values lies."""
    return ascending[min(len(ascending) - 1, int(len(ascending) * share))]


def _asked(url: str) -> list[float]:
    with urlopen(f"{url}/bench", timeout=10) as answer:
        asked: list[float] = orjson.loads(answer.read())
    return asked


def _ensure_drawn(messages: list[ForwardMsg], page: str) -> None:
    """Refuse to measure a page that shows an error, or nothing."""
    kinds = [m.delta.new_element.WhichOneof("type") for m in messages if m.HasField("delta")]
    if "exception" in kinds or not kinds:
        raise SystemExit(f"The page {page or 'empty'} did not draw: {set(kinds)}")
