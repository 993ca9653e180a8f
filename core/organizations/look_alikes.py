"""What organizations that are the same have in common: website, name, phone, domain of emails.

Each of these is a key, stored by `core.duplicates.matching` soon after an organization has changed.
Duplicates are found by shared keys, and so are those that an import warns about.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.base import hosts, tokenizer
from core.models import DuplicateKey, Organization

_MAX_KEY_LENGTH: Final = 160
_ANYBODYS: Final = frozenset(
    """126.com 163.com aol.com fastmail.com free.fr gmail.com gmx.at gmx.ch gmx.de gmx.net
    googlemail.com hotmail.co.uk hotmail.com hotmail.fr icloud.com laposte.net libero.it live.com
    mac.com mail.com mail.ru me.com msn.com naver.com orange.fr outlook.com pm.me proton.me
    protonmail.com qq.com t-online.de web.de wp.pl yahoo.co.jp yahoo.co.uk yahoo.com yandex.ru
    ymail.com zoho.com""".split()
)
"""Domains at which everyone can have an address."""


class Reason(StrEnum):
    """Why two organizations may be one, the strongest reason first."""

    WEBSITE = "website"
    NAME = "name"
    PHONE = "phone"
    EMAIL = "email"


REORDERED: Final = "words"
"""The kind of keys for names whose words may have another order."""
_WEIGHTS: Final = {Reason.WEBSITE: 0.6, Reason.NAME: 0.6, Reason.PHONE: 0.5, Reason.EMAIL: 0.3}
"""How likely each reason alone makes it."""


class Likeness(NamedTuple):
    """How likely it is that two organizations are one, in percent, and why."""

    score: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Traits:
    """What an organization is compared by."""

    name: str
    host: str = ""
    phone: str = ""
    domains: frozenset[str] = frozenset()
    """The domains of its addresses, without those where everyone can have one."""

    @classmethod
    def of(
        cls, name: str, website: str | None, phone: str | None = None, *addresses: str | None
    ) -> "Traits":
        """Return the traits of an organization with these fields; `addresses` are of emails."""
        domains = {each.rpartition("@")[2].lower() for each in addresses if each}
        host = hosts.of_address(website or "")
        return cls(name, host, phone or "", frozenset(domains - _ANYBODYS))

    @property
    def keys(self) -> set[str]:
        """What it shares with its duplicates: texts like `website:acme.com`."""
        words = tokenizer.sorted_words(self.name)
        values = {
            Reason.WEBSITE: {self.host},
            Reason.NAME: {tokenizer.run_together(self.name)},
            REORDERED: {words} if " " in words else set(),
            Reason.PHONE: {self.phone},
            Reason.EMAIL: self.domains,
        }
        return {
            f"{reason}:{value}"[:_MAX_KEY_LENGTH]
            for reason, those in values.items()
            for value in those
            if value
        }


def compare(one: Traits, other: Traits) -> Likeness:
    """Return how likely it is that two organizations are one; each reason adds to the others."""
    similarity = tokenizer.similarity(one.name, other.name)
    found = {
        Reason.WEBSITE: bool(one.host) and one.host == other.host,
        Reason.NAME: similarity / 100,
        Reason.PHONE: bool(one.phone) and one.phone == other.phone,
        Reason.EMAIL: bool(one.domains & other.domains),
    }
    doubt = 1.0
    for reason, share in found.items():
        doubt *= 1 - _WEIGHTS[reason] * share
    return Likeness(round(100 * (1 - doubt)), tuple(each for each, share in found.items() if share))


class LookAlike(NamedTuple):
    """A live organization that shares a key."""

    public_id: str
    name: str


def find(session: Session, keys: Collection[str]) -> Mapping[str, LookAlike]:
    """Return one live organization with each of these keys."""
    found = (
        select(DuplicateKey.key, Organization.public_id, Organization.name)
        .join(Organization, Organization.id == DuplicateKey.org_id)
        .where(DuplicateKey.key.in_(keys), Organization.deleted_at.is_(None))
        .order_by(Organization.id.desc())
    )
    if not keys:
        return {}
    return {key: LookAlike(*which) for key, *which in session.execute(found)}
