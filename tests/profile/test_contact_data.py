"""Contact data that staff changes: few fields, a reason, owners who hear of it."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.base.errors import InvalidInput, NotPermitted, Stale
from core.models import Entry, Mail, Organization
from core.profile import profile
from tests.support.cast import Cast, email

WHY = "They called us about it"
EMPTY = dict.fromkeys(profile.CONTACT_FIELDS, "")


def save(session: Session, cast: Cast, reason: str = WHY, **typed: str) -> Organization:
    return profile.save_contact_details(
        session, cast.oda, cast.acme.id, EMPTY | {"name": "Acme"}, typed, reason=reason
    )


def test_it_is_saved_by_the_rules_of_the_profile(session: Session, cast: Cast) -> None:
    org = save(session, cast, phone="+1 212 555 0100", website="acme.example", twitter="@acme")
    assert (org.phone, org.website, org.twitter) == (
        *("+12125550100", "https://acme.example", "acme"),
    )
    assert org.confirmed_at is None
    entry = session.scalars(select(Entry)).one()
    assert (entry.event, entry.reason, entry.actor_id) == ("profile.changed", WHY, cast.oda.user_id)
    with pytest.raises(InvalidInput) as refused:
        save(session, cast, sales_email="nobody", website="ftp://x")
    assert set(refused.value.fields) == {"sales_email", "website"}


def test_owners_are_told_what_and_why(session: Session, cast: Cast) -> None:
    save(session, cast, phone="+1 212 555 0100", website="acme.example")
    told = session.scalars(select(Mail)).one()
    assert told.recipient == email(cast.olga)
    assert told.context["what"] == "Phone, Public website"
    assert (told.context["reason"], told.context["by"]) == (WHY, "Oda")


def test_nothing_changed_is_nothing_told(session: Session, cast: Cast) -> None:
    save(session, cast, phone="")
    assert session.scalars(select(Mail)).all() == []
    assert session.scalars(select(Entry)).all() == []


def test_a_reason_is_asked_for_together_with_all_else_that_is_wrong(
    session: Session, cast: Cast
) -> None:
    with pytest.raises(InvalidInput) as refused:
        save(session, cast, " ", phone="+1 212 555 0100")
    assert list(refused.value.fields) == ["reason"]
    with pytest.raises(InvalidInput) as refused:
        save(session, cast, " ", phone="12", website="ftp://x")
    assert set(refused.value.fields) == {"reason", "phone", "website"}


@pytest.mark.parametrize("field", ["name", "alert_email", "overview"])
def test_the_rest_is_the_owners_alone(session: Session, cast: Cast, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        save(session, cast, **{field: "new@example.com"})
    assert list(refused.value.fields) == [field]


def test_an_owners_edit_meanwhile_is_not_lost(session: Session, cast: Cast) -> None:
    profile.save(session, cast.olga, cast.acme.id, EMPTY, {"phone": "+1 212 555 0199"})
    with pytest.raises(Stale):
        save(session, cast, phone="+1 212 555 0100")


def test_sales_asks_somebody_else(session: Session, cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        profile.save_contact_details(
            session, cast.sam, cast.acme.id, EMPTY, {"phone": ""}, reason=WHY
        )
