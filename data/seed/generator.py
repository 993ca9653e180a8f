"""The generator of sample data: rows for every table, always the same for the same size.

They are distributed as in reality: most organizations are small and free, a few are huge, and
more are created every year.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from core.base import crypto, tokenizer
from core.models import InvitationStatus, Role, Staff, Stage
from core.onboarding import working_days
from data.seed import names, notes, profiles, stage_moves
from data.seed.history import Chain
from data.seed.names import SALES_IDS, STAFF

Row = tuple[Any, ...]

COLUMNS = {
    "users": "id email email_key name password_hash password_epoch staff proven_at created_at "
    "two_factor_at last_seen_at search_text version",
    "second_factors": "user_id secret last_step",
    "organizations": "id public_id name name_key search_text logo alert_email overview "
    "sales_email phone website twitter is_listed confirmed_at stage stage_entered_at flagged_at "
    "rep_id target_on next_step next_step_on snoozed_until requested_at request_note created_at "
    "created_by last_active_at member_count owner_count admin_count unprotected_owner_count "
    "version",
    "notes": "id org_id author_id text search_text is_shared created_at",
    "moves": "id org_id at from_stage to_stage actor_id rep_id days is_override missing reason",
    "memberships": "id org_id user_id role joined_at",
    "invitations": "id org_id email email_key search_text role status invited_by nonce token_hash "
    "created_at sent_at expires_at",
    "history": "id chain position at actor_id org_id event subject person_id changes reason "
    "run_id undoes_id key_id seal mac",
    "chain_heads": "chain position mac digest seal key_id",
}
"""The columns of each table, in the order of the values in a row."""
_ORGANIZATION_COLUMNS = COLUMNS["organizations"].split()
_LAST_SEEN_AT = COLUMNS["users"].split().index("last_seen_at")

YEARS = timedelta(days=3 * 365)
MAX_PEOPLE = 300
WITHOUT_TWO_FACTOR = 4
"""The first people of an organization, who log in without two-factor unless it is required."""
SECRET = "ORGDESKDEMO2ORGDESKDEMO2ORGDESKD"  # noqa: S105
"""The TOTP secret of all sample accounts."""
SHOWCASES = 2
"""The first organizations, which have enough people for a demo."""
MIN_REQUESTS = 3
"""Free organizations that request onboarding for certain; others do at random."""
_REQUEST_SHARE = 0.06
_INVITED = (0, 0, 0, 0, 1, 2)
"""The numbers of pending invitations to choose from."""
_STAGES = [Stage.FREE] * 62 + [Stage.ONBOARDING] * 14
_STAGES += [Stage.PREPRODUCTION] * 11 + [Stage.PRODUCTION] * 13


@dataclass
class SampleData:
    """Sample data of a given size, whose rows `batches` yields in an order for foreign keys."""

    organizations: int
    now: datetime
    password_hash: str | None = None
    logos: Sequence[str] = ()

    def __post_init__(self) -> None:
        self._random = Random(self.organizations)
        self._rows: dict[str, list[Row]] = {table: [] for table in COLUMNS}
        self._ids = dict.fromkeys(COLUMNS, 0)
        self._requests = 0
        self._protected_ids = set[int]()

    def batches(self, size: int = 2_000) -> Iterator[dict[str, list[Row]]]:
        """Yield the rows of the staff, then of `size` organizations at a time, by table."""
        for name, email, staff in STAFF:
            self._person(name, email, self.now - YEARS, staff=staff)
        for number in range(self.organizations):
            self._organization(number)
            if (number + 1) % size == 0:
                yield self._flush()
        yield self._flush()

    def _flush(self) -> dict[str, list[Row]]:
        rows, self._rows = self._rows, {table: [] for table in COLUMNS}
        entries = sorted(rows["history"], key=lambda facts: facts[2])
        rows["history"] = [(self._id("history"), *facts) for facts in entries]
        ordered_notes = sorted(rows["notes"], key=lambda note: note[-1])
        rows["notes"] = [(self._id("notes"), *note) for note in ordered_notes]
        return rows

    def _id(self, table: str) -> int:
        self._ids[table] += 1
        return self._ids[table]

    def _organization(self, number: int) -> None:
        random = self._random
        created = self.now - YEARS * (1 - ((number + 0.5) / self.organizations) ** 0.5)
        name = names.organization_name(random, number, self.organizations)
        org_id = self._id("organizations")
        domain = names.domain(name, org_id)
        chain = Chain(f"organizations:{org_id}", f"org:{org_id}", org_id)

        stage = random.choice(_STAGES) if number else Stage.ONBOARDING
        new = len(self._rows["users"])
        people = self._people(number, stage, domain, created)
        last_active = max(
            (user[_LAST_SEEN_AT] for user in self._rows["users"][new:]), default=created
        )
        owner_id = people[0][0]
        chain.add(created, owner_id, "organization.created", name=name)
        for user_id, role, joined in people:
            member = (self._id("memberships"), org_id, user_id, role, joined)
            self._rows["memberships"].append(member)
        entered, flagged, rep_id = self._move_to_stage(stage, chain, created)
        self._invite(org_id, owner_id, domain)
        row = profiles.profile(random, org_id, name, domain, stage, self.logos)
        request_note = self._request_note(number) if stage is Stage.FREE else None
        row |= profiles.progress(random, stage, rep_id, self.now, note=request_note)
        if request_note:
            chain.add(row["requested_at"], owner_id, "onboarding.requested")
        if number == 0:
            self._add_recent_changes(chain, owner_id, row)
        row |= profiles.identity(org_id, name, domain, row["website"] or "")
        row |= {"stage": stage, "stage_entered_at": entered, "created_at": created}
        row["flagged_at"] = flagged
        row |= {"created_by": owner_id, "version": 0} | self._count(people)
        row["last_active_at"] = last_active
        row["confirmed_at"] = created if row["phone"] else None
        self._rows["organizations"].append(tuple(row[field] for field in _ORGANIZATION_COLUMNS))
        for note in notes.generate(org_id, rep_id, entered, self.now):
            self._rows["notes"].append((org_id, *note))
        entries, head = chain.seal()
        self._rows["history"] += entries
        self._rows["chain_heads"].append(head)

    def _count(self, people: list[tuple[int, Role, datetime]]) -> dict[str, int]:
        roles = [role for _, role, _ in people]
        owner_ids = {user_id for user_id, role, _ in people if role is Role.OWNER}
        return {
            "member_count": len(people),
            "owner_count": len(owner_ids),
            "admin_count": roles.count(Role.ADMIN),
            "unprotected_owner_count": len(owner_ids - self._protected_ids),
        }

    def _people(
        self, number: int, stage: Stage, domain: str, created: datetime
    ) -> list[tuple[int, Role, datetime]]:
        random = self._random
        size = min(int(random.paretovariate(1.35)), MAX_PEOPLE)
        if number < SHOWCASES:
            size = 9 + number
        elif number == SHOWCASES and self.organizations >= 10_000:
            size = self.organizations // 20
        people: list[tuple[int, Role, datetime]] = []
        local_parts = set[str]()
        first = self._ids["users"] + 1
        for index in range(size):
            draw = random.random()
            role = Role.MEMBER if draw > 0.2 else Role.ADMIN if draw > 0.08 else Role.OWNER
            elapsed = random.random() ** (0.3 if number < SHOWCASES else 1)
            joined = created + (self.now - created) * elapsed if index else created
            if index and draw > 0.98 and number:
                user_id = random.randrange(len(STAFF) + 1, first)
                if all(user_id != other for other, _, _ in people):
                    people.append((user_id, role, joined))
                continue
            name = names.person_name(random)
            local = names.local_part(name)
            email = f"{local}{index if local in local_parts else ''}@{domain}"
            local_parts.add(local)
            role = role if index else Role.OWNER
            user_id = self._person(name, email, joined)
            people.append((user_id, role, joined))
            goes_live = stage is Stage.PRODUCTION and role is Role.OWNER
            if goes_live or (
                index > WITHOUT_TWO_FACTOR and draw > 0.5 and self.organizations < 10_000
            ):
                self._turn_on_two_factor(user_id)
        return people

    def _person(
        self, name: str, email: str, created: datetime, *, staff: Staff | None = None
    ) -> int:
        user_id = self._id("users")
        seen = self.now - (self.now - created) * self._random.random() ** 3
        row = (user_id, email, email, name, self.password_hash, 0, staff, created, created)
        self._rows["users"].append((*row, None, seen, tokenizer.search_text(name, email), 0))
        _, head = Chain(f"users:{user_id}", f"person:{user_id}").seal()
        self._rows["chain_heads"].append(head)
        if staff is not None:
            self._turn_on_two_factor(user_id)
        return user_id

    def _turn_on_two_factor(self, user_id: int) -> None:
        """Turn on two-factor for the last person, with the common secret."""
        *row, _, seen, words, version = self._rows["users"][-1]
        self._rows["users"][-1] = (*row, row[-1], seen, words, version)
        self._protected_ids.add(user_id)
        secret = crypto.encrypt("two-factor", SECRET, owner=str(user_id))
        self._rows["second_factors"].append((user_id, secret, 0))

    def _move_to_stage(
        self, stage: Stage, chain: Chain, created: datetime
    ) -> tuple[datetime, datetime | None, int]:
        """Add the moves to a stage; return when it was entered and flagged, and the sales rep."""
        random = self._random
        rep_id, entered, flagged = random.choice(SALES_IDS), created, None
        for move in stage_moves.generate(random, stage, created, self.now):
            before = ("stage", move.start)
            chain.add(
                *(move.at, move.actor_id, move.event),
                before=before,
                reason=move.reason,
                stage=move.end,
            )
            days = working_days.between(entered, move.at)
            self._rows["moves"].append(
                (
                    *(self._id("moves"), chain.org_id, move.at, move.start, move.end),
                    *(move.actor_id, rep_id, days, bool(move.missing), move.missing, move.reason),
                )
            )
            entered = move.at
            flagged = (
                move.at if move.end is Stage.ONBOARDING and move.start is Stage.FREE else flagged
            )
        return entered, flagged, rep_id

    def _request_note(self, number: int) -> str | None:
        """Return the note of a request for onboarding, which some newer organizations make."""
        is_young = self.organizations // 2 <= number < self.organizations * 9 // 10
        if not is_young or (
            self._requests >= MIN_REQUESTS and self._random.random() >= _REQUEST_SHARE
        ):
            return None
        self._requests += 1
        return profiles.REQUEST_NOTES[self._requests % len(profiles.REQUEST_NOTES)]

    def _add_recent_changes(self, chain: Chain, owner_id: int, row: dict[str, Any]) -> None:
        """Add some recent changes to the demo organization, which lead to its row."""
        days = timedelta(days=1)
        at = self.now - 11 * days
        old_website = ("website", "http://old.example")
        chain.add(at, owner_id, "profile.changed", before=old_website, website=row["website"])
        planned = {"next_step": row["next_step"]}
        chain.add(at + 2 * days, SALES_IDS[0], "onboarding.planned", **planned)
        chain.add(at + 5 * days, owner_id, "logo.changed", logo=row["logo"])
        old_phone = ("phone", "+15072842511")
        chain.add(at + 9 * days, owner_id, "profile.changed", before=old_phone, phone=row["phone"])

    def _invite(self, org_id: int, owner_id: int, domain: str) -> None:
        random = self._random
        pending, all_statuses = InvitationStatus.PENDING, list(InvitationStatus)
        statuses = (
            [*all_statuses, pending] if org_id <= SHOWCASES else [pending] * random.choice(_INVITED)
        )
        for index, status in enumerate(statuses):
            nonce = f"{random.getrandbits(128):032x}"
            sent = self.now - timedelta(hours=random.uniform(1, 140))
            email = f"{names.slug(names.person_name(random))}.new{index}@{domain}"
            token_hash = crypto.fingerprint(crypto.token("invitation", nonce))
            ends = sent + timedelta(hours=72)
            self._rows["invitations"].append(
                (
                    *(self._id("invitations"), org_id, email, email),
                    *(tokenizer.search_text(email), Role.MEMBER),
                    *(status, owner_id, nonce, token_hash, sent, sent, ends),
                )
            )
