"""A made-up world: rows for every table, the same for the same number of organizations.

Skewed like life: most organizations are small and free, growth speeds up, a few are huge.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from core.base import crypto, tokenizer
from core.models import InvitationStatus, Role, Staff, Stage
from core.onboarding import working_days
from data.seed import journeys, names, notes, profiles
from data.seed.history import Chain
from data.seed.names import SALES_IDS, STAFF

Row = tuple[Any, ...]

COLUMNS = {
    "users": "id email email_key name password_hash password_epoch staff proven_at created_at "
    "two_factor_at last_seen_at search_text version",
    "second_factors": "user_id secret last_step",
    "organizations": "id public_id name name_key search_text logo alert_email overview "
    "sales_email phone website twitter is_listed confirmed_at stage stage_entered_at rep_id "
    "target_on next_step next_step_on snoozed_until requested_at request_note created_at "
    "created_by last_active_at member_count version",
    "notes": "id org_id author_id text search_text is_shared created_at",
    "moves": "id org_id at from_stage to_stage actor_id rep_id days is_override missing reason",
    "memberships": "id org_id user_id role joined_at",
    "invitations": "id org_id email email_key role status invited_by nonce token_hash created_at "
    "sent_at expires_at",
    "history": "id chain position at actor_id org_id event subject person_id changes reason mac",
    "chain_heads": "chain position mac",
}
"""What each table's rows hold, in the order of their values."""
_ORGANIZATION = COLUMNS["organizations"].split()
_SEEN = COLUMNS["users"].split().index("last_seen_at")

YEARS = timedelta(days=3 * 365)
MOST_PEOPLE = 300
OPEN_PEOPLE = 4
"""How many people of an organization sign in without a code, unless they have to."""
SECRET = "ORGDESKDEMO2ORGDESKDEMO2ORGDESKD"  # noqa: S105
"""What every authenticator app in this world shares with Orgdesk."""
SHOWCASES = 2
"""How many organizations at the start have enough people to look at."""
HANDS = 3
"""How many free organizations raise a hand for onboarding for certain; more do by chance."""
_ASKS = 0.06
_INVITED = (0, 0, 0, 0, 1, 2)
"""How many people are invited to an organization, one as often as the other."""
_STAGES = [Stage.FREE] * 62 + [Stage.ONBOARDING] * 14
_STAGES += [Stage.PREPRODUCTION] * 11 + [Stage.PRODUCTION] * 13


@dataclass
class World:
    """Makes the rows of one world; `batches` yields them, tables in an order that keys allow."""

    organizations: int
    now: datetime
    password_hash: str | None = None
    logos: Sequence[str] = ()

    def __post_init__(self) -> None:
        self._random = Random(self.organizations)
        self._rows: dict[str, list[Row]] = {table: [] for table in COLUMNS}
        self._ids = dict.fromkeys(COLUMNS, 0)
        self._hands = 0

    def batches(self, size: int = 2_000) -> Iterator[dict[str, list[Row]]]:
        """Yield the rows of the staff, then of `size` organizations at a time, by table."""
        for name, email, staff in STAFF:
            self._person(name, email, self.now - YEARS, staff=staff)
        for number in range(self.organizations):
            self._organization(number)
            if (number + 1) % size == 0:
                yield self._take()
        yield self._take()

    def _take(self) -> dict[str, list[Row]]:
        taken, self._rows = self._rows, {table: [] for table in COLUMNS}
        as_it_happened = sorted(taken["history"], key=lambda facts: facts[2])
        taken["history"] = [(self._id("history"), *facts) for facts in as_it_happened]
        as_written = sorted(taken["notes"], key=lambda note: note[-1])
        taken["notes"] = [(self._id("notes"), *note) for note in as_written]
        return taken

    def _id(self, table: str) -> int:
        self._ids[table] += 1
        return self._ids[table]

    def _organization(self, number: int) -> None:
        random = self._random
        created = self.now - YEARS * (1 - ((number + 0.5) / self.organizations) ** 0.5)
        name = names.organization_name(random, number, self.organizations)
        org_id = self._id("organizations")
        domain = names.domain(name, org_id)
        chain = Chain(org_id)

        stage = random.choice(_STAGES) if number else Stage.ONBOARDING
        new = len(self._rows["users"])
        people = self._people(number, stage, domain, created)
        last_active = max((user[_SEEN] for user in self._rows["users"][new:]), default=created)
        owner_id = people[0][0]
        chain.add(created, owner_id, "organization.created", name=name)
        for user_id, role, joined in people:
            member = (self._id("memberships"), org_id, user_id, role, joined)
            self._rows["memberships"].append(member)
        entered, rep_id = self._lead(stage, chain, created)
        if number == 0:
            self._keep_busy(chain, owner_id)
        self._invite(org_id, owner_id, domain)
        row = profiles.profile(random, org_id, name, domain, stage, self.logos)
        asks = stage is Stage.FREE and self._raises_hand(number)
        said = profiles.ASKS[self._hands % len(profiles.ASKS)] if asks else None
        row |= profiles.progress(random, stage, rep_id, self.now, note=said)
        if asks:
            chain.add(row["requested_at"], owner_id, "onboarding.requested")
        row |= profiles.identity(org_id, name, domain, row["website"] or "")
        row |= {"stage": stage, "stage_entered_at": entered, "created_at": created}
        row |= {"created_by": owner_id, "member_count": len(people), "version": 0}
        row["last_active_at"] = last_active
        row["confirmed_at"] = created if row["phone"] else None
        self._rows["organizations"].append(tuple(row[field] for field in _ORGANIZATION))
        for note in notes.about(org_id, rep_id, entered, self.now):
            self._rows["notes"].append((org_id, *note))
        self._rows["history"] += chain.entries
        self._rows["chain_heads"].append(chain.head)

    def _people(
        self, number: int, stage: Stage, domain: str, created: datetime
    ) -> list[tuple[int, Role, datetime]]:
        random = self._random
        size = min(int(random.paretovariate(1.35)), MOST_PEOPLE)
        if number < SHOWCASES:
            size = 9 + number
        elif number == SHOWCASES and self.organizations >= 10_000:
            size = self.organizations // 20
        people: list[tuple[int, Role, datetime]] = []
        taken = set[str]()
        first = self._ids["users"] + 1
        for place in range(size):
            draw = random.random()
            role = Role.MEMBER if draw > 0.2 else Role.ADMIN if draw > 0.08 else Role.OWNER
            lately = random.random() ** (0.3 if number < SHOWCASES else 1)
            joined = created + (self.now - created) * lately if place else created
            if place and draw > 0.98 and number:
                user_id = random.randrange(len(STAFF) + 1, first)
                if all(user_id != other for other, _, _ in people):
                    people.append((user_id, role, joined))
                continue
            name = names.person_name(random)
            local = names.local_part(name)
            email = f"{local}{place if local in taken else ''}@{domain}"
            taken.add(local)
            role = role if place else Role.OWNER
            user_id = self._person(name, email, joined)
            people.append((user_id, role, joined))
            goes_live = stage is Stage.PRODUCTION and role is Role.OWNER
            if goes_live or (place > OPEN_PEOPLE and draw > 0.5 and self.organizations < 10_000):
                self._protect(user_id)
        return people

    def _person(
        self, name: str, email: str, created: datetime, *, staff: Staff | None = None
    ) -> int:
        user_id = self._id("users")
        seen = self.now - (self.now - created) * self._random.random() ** 3
        row = (user_id, email, email, name, self.password_hash, 0, staff, created, created)
        self._rows["users"].append((*row, None, seen, tokenizer.search_text(name, email), 0))
        if staff is not None:
            self._protect(user_id)
        return user_id

    def _protect(self, user_id: int) -> None:
        """Give the person who was made last two-factor, with the secret that everybody has."""
        *row, _, seen, words, version = self._rows["users"][-1]
        self._rows["users"][-1] = (*row, row[-1], seen, words, version)
        secret = crypto.encrypt("two-factor", SECRET, whose=str(user_id))
        self._rows["second_factors"].append((user_id, secret, 0))

    def _lead(self, stage: Stage, chain: Chain, created: datetime) -> tuple[datetime, int]:
        """Lead an organization to a stage; return since when it is there, carried by whom."""
        random = self._random
        rep_id, entered = random.choice(SALES_IDS), created
        for step in journeys.steps(random, stage, created, self.now):
            before = ("stage", step.start)
            chain.add(
                *(step.at, step.actor_id, step.event),
                before=before,
                reason=step.reason,
                stage=step.end,
            )
            days = working_days.between(entered, step.at)
            self._rows["moves"].append(
                (
                    *(self._id("moves"), chain.org_id, step.at, step.start, step.end),
                    *(step.actor_id, rep_id, days, bool(step.missing), step.missing, step.reason),
                )
            )
            entered = step.at
        return entered, rep_id

    def _raises_hand(self, number: int) -> bool:
        """Return whether one of the younger organizations asks for onboarding; the first few do."""
        is_young = self.organizations // 2 <= number < self.organizations * 9 // 10
        asks = is_young and (self._hands < HANDS or self._random.random() < _ASKS)
        self._hands += asks
        return asks

    def _keep_busy(self, chain: Chain, owner_id: int) -> None:
        """Let the organization that is shown have changed lately."""
        rep_id, days = SALES_IDS[0], timedelta(days=1)
        at = self.now - 11 * days
        chain.add(
            at,
            owner_id,
            "profile.changed",
            before=("website", "http://old.example"),
            website="https://northwind-cardiology.example",
        )
        chain.add(at + 2 * days, rep_id, "onboarding.planned", next_step="Ask for the logo")
        chain.add(at + 5 * days, owner_id, "logo.changed", logo="new")
        chain.add(
            at + 9 * days, owner_id, "profile.changed", before=("phone", "+15072842511"), phone=None
        )

    def _invite(self, org_id: int, owner_id: int, domain: str) -> None:
        random = self._random
        pending, shown = InvitationStatus.PENDING, list(InvitationStatus)
        became = [*shown, pending] if org_id <= SHOWCASES else [pending] * random.choice(_INVITED)
        for place, status in enumerate(became):
            nonce = f"{random.getrandbits(128):032x}"
            sent = self.now - timedelta(hours=random.uniform(1, 140))
            email = f"{names.slug(names.person_name(random))}.new{place}@{domain}"
            token_hash = crypto.fingerprint(crypto.token("invitation", nonce))
            ends = sent + timedelta(hours=72)
            self._rows["invitations"].append(
                (
                    *(self._id("invitations"), org_id, email, email, Role.MEMBER),
                    *(status, owner_id, nonce, token_hash, sent, sent, ends),
                )
            )
