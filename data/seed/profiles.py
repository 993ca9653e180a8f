"""Profiles and onboarding plans of sample organizations."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from core.base import tokenizer
from core.models import Stage
from core.organizations import public_ids
from data.seed import names

_IDS = len(public_ids.ALPHABET) ** public_ids.LENGTH
_STRIDE = 104_729_003
"""Spreads consecutive numbers over all Organization IDs; coprime to their count."""
_STEPS = (
    "Call about alert routing",
    "Send the security questionnaire",
    "Agree on a test date",
    "Ask for the logo",
)
_OVERVIEWS = (
    "{name} brings together physicians, nurses and engineers who want results to arrive "
    "before the patient does. We exchange orders, results and schedules with our partners.",
    "{name} serves patients close to home. Our integration team connects scheduling, "
    "referrals and imaging, and answers within one working day.",
    "We are {name}. What we build turns records from many systems into one picture that a "
    "clinician can read in a minute.",
)
REQUEST_NOTES = (
    "We go live in spring and want to test early.",
    "Our lab moves to a new system in March. Can we connect before that?",
    "Two partners of ours are in production already; we would like to join them.",
)
_FILLED = {"logo": 0.5, "twitter": 0.6}


def profile(
    random: Random, org_id: int, name: str, domain: str, stage: Stage, logos: Sequence[str]
) -> dict[str, Any]:
    """Return the profile fields: nearly all of them after onboarding, fewer before."""
    is_past = stage in {Stage.PREPRODUCTION, Stage.PRODUCTION}
    completeness = 1.0 if is_past or org_id <= 2 else random.choice((0.4, 0.9))
    values = {
        "logo": random.choice(logos) if logos else None,
        "alert_email": f"alerts@{domain}",
        "overview": random.choice(_OVERVIEWS).format(name=name),
        "sales_email": f"sales@{domain}",
        "phone": f"+1212555{org_id % 10_000:04d}",
        "website": f"https://{domain}",
        "twitter": names.slug(name)[:15] or None,
    }
    filled = {
        field: value if random.random() < completeness * _FILLED.get(field, 1) else None
        for field, value in values.items()
    }
    if org_id == 1:
        filled |= {
            "phone": None,
            "sales_email": None,
            "logo": values["logo"],
        }  # leaves checks open
    is_listed = filled["logo"] and filled["overview"] and filled["website"]
    return filled | {"is_listed": bool(is_listed)}


def identity(org_id: int, name: str, domain: str, website: str) -> dict[str, Any]:
    """Return the id, name and search fields of an organization."""
    public_id = public_ids.encode(org_id * _STRIDE % _IDS)
    return {
        "id": org_id,
        "public_id": public_id,
        "name": name,
        "name_key": tokenizer.name_key(name),
        "search_text": tokenizer.search_text(name, website, domain, public_id),
    }


def progress(
    random: Random, stage: Stage, rep_id: int, now: datetime, *, note: str | None
) -> dict[str, Any]:
    """Return the plan of an onboarding; `note` is that of a request for onboarding, if any."""
    working = stage in {Stage.ONBOARDING, Stage.PREPRODUCTION}
    target = now + timedelta(days=random.randint(5, 60))
    due = now + timedelta(days=random.randint(-4, 14))
    snoozed = now + timedelta(days=random.randint(3, 20))
    has_date, is_snoozed = random.random() < 0.7, random.random() < 0.08
    return {
        "rep_id": None if stage is Stage.FREE else rep_id,
        "target_on": target.date() if working else None,
        "next_step": random.choice(_STEPS) if working else None,
        "next_step_on": due.date() if working and has_date else None,
        "snoozed_until": snoozed.date() if working and is_snoozed else None,
        "requested_at": now - timedelta(days=random.uniform(0, 9)) if note else None,
        "request_note": note,
    }
