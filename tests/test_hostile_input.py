"""What attackers type, in every field that a use case takes: kept letter by letter, or refused."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.accounts import accounts
from core.base.errors import DomainError
from core.members import invitations
from core.models import Organization, Role
from core.onboarding import onboarding
from core.organizations import organizations
from core.profile import profile
from tests.support.cast import Cast
from tests.support.hostile import texts

FOLDERS = ("strings", "unicode", "xss", "headers", "csv", "email", "url")
FIELDS = ("name", "alert_email", "overview", "sales_email", "phone", "website", "twitter")


def sample(most: int) -> list[str]:
    """Return texts of every folder, spread evenly."""
    found = [text for folder in FOLDERS for text in texts(folder)]
    return found[:: max(1, len(found) // most)]


def refused(use_case: Callable[[], object]) -> bool:
    """Return whether it was refused; whatever is not a refusal that a person can read fails."""
    try:
        use_case()
    except DomainError:
        return True
    return False


@pytest.mark.parametrize("field", FIELDS)
def test_a_profile_keeps_or_refuses_it(session: Session, cast: Cast, field: str) -> None:
    for text in sample(40):
        org = session.get_one(Organization, cast.acme.id, populate_existing=True)
        shown = profile.form_texts(org)
        with session.begin_nested() as tried:
            if refused(
                lambda shown=shown, text=text: profile.save(
                    session, cast.olga, cast.acme.id, shown, shown | {field: text}
                )
            ):
                tried.rollback()
                continue
        session.expire_all()
        stored = profile.form_texts(session.get_one(Organization, cast.acme.id))
        again = profile.form_texts(
            profile.save(session, cast.olga, cast.acme.id, stored, stored | {field: stored[field]})
        )
        assert again == stored


def test_every_other_field_keeps_or_refuses_it(session: Session, cast: Cast) -> None:
    use_cases: tuple[Callable[[str], object], ...] = (
        lambda text: organizations.create(session, cast.otto, text),
        lambda text: invitations.invite(session, cast.olga, cast.acme.id, text, role=Role.MEMBER),
        lambda text: onboarding.request(session, cast.otto, cast.otto_ltd.id, note=text),
        lambda text: accounts.rename(session, cast.mia, text),
        lambda text: organizations.list_similar_names(session, cast.mia, text),
    )
    for text in sample(25):
        for use_case in use_cases:
            with session.begin_nested() as tried:
                if refused(lambda use_case=use_case, text=text: use_case(text)):
                    tried.rollback()


def test_a_hostile_name_comes_back_letter_by_letter(session: Session, cast: Cast) -> None:
    name = "![x](http://evil.invalid) :red[no] <b>Acme</b> $\\frac{1}{2}$ `=1+1`".replace(
        "http://evil.invalid", "evil"
    )
    renamed = accounts.rename(session, Actor(cast.mia.user_id, "Mia"), name)
    session.flush()
    session.expire(renamed)
    assert renamed.name == name
