"""History in sentences: who did what to whom, in the words of `core.audit.events`."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple

from core.audit import events
from core.base import phones
from core.database.change_tracking import PRIVATE_MARK
from core.models import Entry

_DELETED: Final = "a deleted account"
_PURGED: Final = "another organization"
_MERGES: Final = ("organization.merged", "organization.unmerged")
_ORGANIZATIONS: Final = "organizations:"
_MAX_ADDRESSES: Final = 3
_MAX_VALUE: Final = 300
_TOKEN: Final = re.compile(r"\[([^\]]*)\]|{(\w+)}")


class Part(NamedTuple):
    """A piece of a sentence; `name`, `new` and `old` say what it is, our own words have no style.

    The parts of style `name` are people and addresses, the other two are values of fields.
    """

    text: str
    style: str = ""


Parts = list[Part]


@dataclass(frozen=True)
class Names:
    """What history refers to by id: names of people and organizations, invited addresses by row."""

    people: Mapping[int, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    organizations: Mapping[int, str] = field(default_factory=dict)

    def person(self, user_id: int) -> str:
        """Return the name of a person."""
        return self.people.get(user_id) or _DELETED

    def organization(self, org_id: int) -> str:
        """Return the name of an organization."""
        return self.organizations.get(org_id) or _PURGED


class _Nameless(Names):
    """Names for a sentence without any."""

    def person(self, _user_id: int) -> str:
        """Return no name."""
        return ""

    def organization(self, _org_id: int) -> str:
        """Return no name."""
        return ""


@dataclass(frozen=True)
class Sentence:
    """What an entry says: who did it, and what they did."""

    who: str
    parts: Sequence[Part]
    logos: Sequence[str | None] = ()
    """The logo before and after, by digest, if it was changed."""

    @property
    def what(self) -> str:
        """The words after the name, such as `removed the phone (was +1 507…)`."""
        return "".join(part.text for part in self.parts)

    def __str__(self) -> str:
        """Return the whole sentence."""
        return f"{self.who} {self.what}"


def describe(
    entry: Entry, names: Names, *, hides_values: bool = False, max_value: int = _MAX_VALUE
) -> Sentence:
    """Return an entry as a sentence; values are cut after `max_value` characters.

    `hides_values` says which fields changed without their values.
    """
    facts = _Facts(entry, names, hides_values, max_value)
    parts = _render(_template(entry), facts) or [Part("made a change")]
    logo = facts.find("logo")
    return Sentence(facts.who, parts, (logo["old"], logo["new"]) if logo else ())


def list_people(entries: Iterable[Entry]) -> set[int]:
    """Return the ids of the people whose names the sentences of these entries need."""
    ids: set[int | None] = set()
    for entry in entries:
        ids |= {entry.actor_id, entry.person_id}
        for change in entry.changes:
            if change["field"] == "rep_id":
                ids |= {change["old"], change["new"]}
    return {each for each in ids if each}


def list_invitations(entries: Iterable[Entry]) -> set[int]:
    """Return the ids of the invitations whose addresses the sentences of these entries need."""
    rows = {row for entry in entries for row in _invitations(entry)[:_MAX_ADDRESSES]}
    return {int(row.partition(":")[2]) for row in rows}


def list_organizations(entries: Iterable[Entry]) -> set[int]:
    """Return the ids of the other organizations whose names the sentences of entries need."""
    return {other for entry in entries if (other := _other_organization(entry)) is not None}


def _other_organization(entry: Entry) -> int | None:
    """Return the organization that the one of an entry was merged with."""
    if entry.event in _MERGES:
        merged = [each for each in entry.changes if each["field"] == "merged_into"]
        return next((each["new"] or each["old"] for each in merged), None)
    is_other = entry.subject != f"{_ORGANIZATIONS}{entry.org_id}"
    if is_other and entry.subject.startswith(_ORGANIZATIONS):
        return int(entry.subject.removeprefix(_ORGANIZATIONS))
    return None


def list_words(entry: Entry) -> list[str]:
    """Return what an entry says without the names of people: its sentence, values and reason."""
    said = describe(entry, _Nameless(), max_value=sys.maxsize)
    values = [change[side] for change in entry.changes for side in ("old", "new")]
    told = [each for each in values if isinstance(each, str) and each != PRIVATE_MARK]
    return [said.what, *told, entry.reason]


def _template(entry: Entry) -> str:
    found = events.SENTENCES.get(entry.event, "{changes}")
    if isinstance(found, str):
        return found
    own, other = found
    return own if entry.person_id in {None, entry.actor_id} else other


def _invitations(entry: Entry) -> list[str]:
    """Return the rows of invitations that an entry is about."""
    if not entry.event.startswith("invitation."):
        return []
    rows = [entry.subject, *(change["row"] for change in entry.changes)]
    return [row for row in dict.fromkeys(rows) if row.startswith("invitations:")]


def _render(template: str, facts: "_Facts") -> Parts:
    """Return a template with its facts filled in; nothing if it has facts, and all are missing."""
    parts, end = [], 0
    for token in _TOKEN.finditer(template):
        optional, name = token.groups()
        filled = facts.get(name) if name else _render_optional(optional, facts)
        parts += [Part(template[end : token.start()]), *filled]
        end = token.end()
    parts.append(Part(template[end:]))
    is_empty = template.startswith("{changes}") and not facts.get("changes")
    return [] if is_empty else [part for part in parts if part.text]


def _render_optional(template: str, facts: "_Facts") -> Parts:
    names = [name for _, name in _TOKEN.findall(template)]
    return _render(template, facts) if all(facts.get(name) for name in names) else []


@dataclass(frozen=True)
class _Facts:
    """The facts of an entry, each as parts of a sentence."""

    entry: Entry
    names: Names
    hides_values: bool
    max_value: int

    @property
    def who(self) -> str:
        """Who did it, as the beginning of a sentence."""
        entry = self.entry
        if entry.actor_id is not None:
            name = self.names.person(entry.actor_id)
            return name if name != _DELETED else name.capitalize()
        if entry.event in events.OF_STRANGERS and entry.person_id:
            return self.names.person(entry.person_id)
        if entry.event in events.OF_STRANGERS and self._addresses():
            return self._addresses()[0]
        return "Orgdesk"

    def get(self, name: str) -> Parts:
        """Return the parts of a fact; none if it is missing or hidden."""
        if name == "person":
            person_id = self.entry.person_id
            return [Part(self.names.person(person_id), "name")] if person_id else []
        if name == "organization":
            other = _other_organization(self.entry)
            return [Part(self.names.organization(other), "name")] if other else []
        if name == "addresses":
            return self._list_addresses()
        if name == "changes":
            return self._list_changes()
        side, _, field_name = name.partition("_")
        change = self.find(field_name)
        if change is None or self.hides_values:
            return []
        value = self._format(field_name, change[side])
        return [Part(value, side)] if value else []

    def find(self, field_name: str) -> Mapping[str, Any] | None:
        """Return the change of a field, if it changed: of a row that the entry is about."""
        found = [each for each in self.entry.changes if each["field"] == field_name]
        return next((each for each in found if each["row"] in self._rows()), None)

    def _rows(self) -> set[str]:
        """Return the rows that the entry is about: its subject and its organization."""
        return {self.entry.subject, f"{_ORGANIZATIONS}{self.entry.org_id}"}

    def _addresses(self) -> list[str]:
        known = self.names.addresses
        return [known[row] for row in _invitations(self.entry) if row in known]

    def _list_addresses(self) -> Parts:
        """Return the addresses that were invited, the first few if there are many."""
        number, shown = len(_invitations(self.entry)), self._addresses()[:_MAX_ADDRESSES]
        if self.who in shown:
            return []
        clauses = [[Part(address, "name")] for address in shown] or [[Part("someone")]]
        if number > len(clauses):
            clauses.append([Part(f"{number - len(clauses):,} others")])
        return _joined(clauses)

    def _list_changes(self) -> Parts:
        """Return the words for every change of the rows that the entry is about."""
        told = [each for each in self.entry.changes if each["field"] in events.FIELDS]
        told = [each for each in told if each["row"] in self._rows()]
        if told and self.hides_values:
            labels = [[Part(f"the {events.FIELDS[each['field']]}")] for each in told]
            return [Part("changed "), *_joined(labels)]
        return _joined([self._clause(each) for each in told])

    def _clause(self, change: Mapping[str, Any]) -> Parts:
        """Return the words for the change of one field, with its values."""
        name, old, new = change["field"], change["old"], change["new"]
        label = events.FIELDS[name]
        if name == "alerts_off":
            return _alerts(old, new)
        if name == "stage" and old:
            return [Part("moved it from "), Part(old, "old"), Part(" to "), Part(new, "new")]
        return _replaced(label, self._format(name, old), self._format(name, new))

    def _format(self, name: str, value: Any) -> str:
        """Return a value as people write it; cut if it is long, empty if there is none."""
        if value is None or value == "":
            return "none" if name == "staff" else ""
        if name == "rep_id":
            return self.names.person(value)
        text = _FORMATS.get(name, _plain)(value)
        return text if len(text) <= self.max_value else f"{text[: self.max_value].rstrip()}…"


def _plain(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def _day(value: str) -> str:
    return f"{date.fromisoformat(value):%-d %b %Y}"


_FORMATS: Final[dict[str, Callable[[Any], str]]] = {
    "phone": phones.format_international,
    **dict.fromkeys(("target_on", "next_step_on", "snoozed_until"), _day),
}


def _replaced(label: str, old: str, new: str) -> Parts:
    """Return the words for a value that replaced another one; either can be empty."""
    if PRIVATE_MARK in {old, new} or not (old or new):
        return [Part(f"changed the {label}")]
    if not new:
        return [Part(f"removed the {label} (was "), Part(old, "old"), Part(")")]
    if not old:
        return [Part(f"set the {label} to "), Part(new, "new")]
    return [Part(f"changed the {label} from "), Part(old, "old"), Part(" to "), Part(new, "new")]


def _alerts(old: str | None, new: str | None) -> Parts:
    """Return the words for the alerts that were turned off and on."""
    before, after = (set(filter(None, (each or "").split(", "))) for each in (old, new))
    clauses = [
        [Part(f"turned {word} alerts: "), Part(", ".join(sorted(changed)).replace("_", " "), "new")]
        for word, changed in (("off", after - before), ("on", before - after))
        if changed
    ]
    return _joined(clauses)


def _joined(clauses: Sequence[Parts]) -> Parts:
    """Return clauses as one: `a, b and c`."""
    parts: Parts = []
    for number, clause in enumerate(clauses):
        if number:
            parts.append(Part(" and " if number == len(clauses) - 1 else ", "))
        parts += clause
    return parts
