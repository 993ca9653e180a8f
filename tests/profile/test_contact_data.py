"""Contact details edited by staff: which fields, the reason, and the mail to owners."""

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


def test_the_rules_of_the_profile_apply(session: Session, cast: Cast) -> None:
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


def test_owners_are_mailed_what_changed_and_why(session: Session, cast: Cast) -> None:
    save(session, cast, phone="+1 212 555 0100", website="acme.example")
    mail = session.scalars(select(Mail)).one()
    assert mail.recipient == email(cast.olga)
    assert mail.context["what"] == "Phone, Public website"
    assert (mail.context["reason"], mail.context["by"]) == (WHY, "Oda")


def test_nothing_is_mailed_without_a_change(session: Session, cast: Cast) -> None:
    save(session, cast, phone="")
    assert session.scalars(select(Mail)).all() == []
    assert session.scalars(select(Entry)).all() == []


def test_a_missing_reason_is_reported_with_all_other_errors(session: Session, cast: Cast) -> None:
    with pytest.raises(InvalidInput) as refused:
        save(session, cast, " ", phone="+1 212 555 0100")
    assert list(refused.value.fields) == ["reason"]
    with pytest.raises(InvalidInput) as refused:
        save(session, cast, " ", phone="12", website="ftp://x")
    assert set(refused.value.fields) == {"reason", "phone", "website"}


@pytest.mark.parametrize("field", ["name", "alert_email", "overview"])
def test_staff_cannot_edit_the_other_fields(session: Session, cast: Cast, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        save(session, cast, **{field: "new@example.com"})
    assert list(refused.value.fields) == [field]


def test_a_concurrent_edit_by_an_owner_is_not_lost(session: Session, cast: Cast) -> None:
    profile.save(session, cast.olga, cast.acme.id, EMPTY, {"phone": "+1 212 555 0199"})
    with pytest.raises(Stale):
        save(session, cast, phone="+1 212 555 0100")


def test_sales_cannot_edit_contact_details(session: Session, cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        profile.save_contact_details(
            session, cast.sam, cast.acme.id, EMPTY, {"phone": ""}, reason=WHY
        )
