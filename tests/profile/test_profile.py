"""The profile: fields and their rules, concurrent edits, the logo and the alert address."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.access.permissions import ANONYMOUS, Actor
from core.base.errors import (
    InvalidInput,
    LinkNotValid,
    NotFound,
    NotPermitted,
    Stale,
    TooManyAttempts,
)
from core.mail import messages
from core.models import Entry, Link, Mail, Organization
from core.profile import alert_address, directory, logos, profile
from tests.conftest import Clock
from tests.support.cast import Cast

PICTURE = logos.CleanLogo(png=b"\x89PNG 512", thumbnail=b"\x89PNG 96", digest="a" * 64)


def save(session: Session, actor: Actor, org: Organization, **typed: str) -> Organization:
    """Save texts typed into a form that was just opened."""
    shown = profile.form_texts(session.get(Organization, org.id))
    return profile.save(session, actor, org.id, shown, shown | typed)


def entries(session: Session) -> Sequence[Entry]:
    return session.scalars(select(Entry).order_by(Entry.id)).all()


def token_of_last_mail(session: Session) -> str:
    mail = session.scalars(select(Mail).order_by(Mail.id.desc())).first()
    assert mail is not None
    return messages.render(mail).text.partition("confirm_alert#")[2].split()[0]


class TestFields:
    @pytest.mark.parametrize(
        ("field", "typed", "kept", "shown"),
        [
            ("name", "  Acme   Health ", "Acme Health", "Acme Health"),
            ("name", "聖路加国際病院", "聖路加国際病院", "聖路加国際病院"),
            ("overview", " Two\r\nlines ", "Two\nlines", "Two\nlines"),
            ("sales_email", "sales@ACME.example", "sales@acme.example", "sales@acme.example"),
            ("phone", "+1 507 284 2511", "+15072842511", "+1 507-284-2511"),
            ("phone", "+41 44 668 18 00", "+41446681800", "+41 44 668 18 00"),
            ("website", "example.com", "https://example.com", "https://example.com"),
            ("website", "http://bücher.example/a", "http://bücher.example/a", None),
            ("twitter", "@acme", "acme", "@acme"),
            ("twitter", "https://x.com/acme?lang=en", "acme", "@acme"),
        ],
    )
    def test_a_field_is_stored_clean_and_displayed_as_people_write_it(
        self, session: Session, cast: Cast, field: str, typed: str, kept: str, shown: str | None
    ) -> None:
        org = save(session, cast.olga, cast.acme, **{field: typed})
        assert getattr(org, field) == kept
        assert profile.form_texts(org)[field] == (shown or kept)

    @pytest.mark.parametrize(
        ("field", "typed"),
        [
            ("name", ""),
            ("name", "x" * 81),
            ("name", "visit evil.com"),
            ("name", "left\u202eright"),
            ("alert_email", "nobody"),
            ("overview", "x" * 2001),
            ("sales_email", "sales@mayo"),
            ("phone", "555 0100"),
            ("website", "javascript:alert(1)"),
            ("website", "nonsense"),
            ("twitter", "not a handle"),
        ],
    )
    def test_an_invalid_text_is_refused_at_its_field(
        self, session: Session, cast: Cast, field: str, typed: str
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            save(session, cast.olga, cast.acme, **{field: typed})
        assert list(refused.value.fields) == [field]
        assert refused.value.fields[field].endswith(".")

    def test_all_errors_are_reported_together_and_nothing_is_saved(
        self, session: Session, cast: Cast
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            save(session, cast.olga, cast.acme, name="", phone="1", website="x", overview="Fine")
        assert set(refused.value.fields) == {"name", "phone", "website"}
        assert session.get(Organization, cast.acme.id).overview is None

    @pytest.mark.parametrize("field", ["overview", "sales_email", "phone", "website", "twitter"])
    def test_optional_fields_can_be_emptied(self, session: Session, cast: Cast, field: str) -> None:
        full = {"overview": "Ours", "sales_email": "s@acme.example", "phone": "+15072842511"}
        full |= {"website": "acme.example", "twitter": "acme"}
        save(session, cast.olga, cast.acme, **full)
        assert getattr(save(session, cast.olga, cast.acme, **{field: " "}), field) is None

    def test_an_equal_text_is_no_change(self, session: Session, cast: Cast) -> None:
        save(session, cast.olga, cast.acme, phone="+15072842511", twitter="acme")
        before = len(entries(session))
        save(session, cast.olga, cast.acme, phone="+1 (507) 284 2511", twitter="@acme")
        assert len(entries(session)) == before

    def test_a_new_name_is_searched_and_sorted(self, session: Session, cast: Cast) -> None:
        org = save(session, cast.olga, cast.acme, name="Éclair Clinic", website="eclair.example")
        assert org.name_key == "eclair clinic"
        assert {"eclair", "clinic", "example"} <= set(org.search_text.split())

    def test_one_entry_records_all_changes(self, session: Session, cast: Cast) -> None:
        save(session, cast.olga, cast.acme, name="Acme Health", overview="Ours")
        [entry] = entries(session)
        changed = {change["field"]: (change["old"], change["new"]) for change in entry.changes}
        assert entry.event == "profile.changed"
        assert entry.actor_id == cast.olga.user_id
        assert changed["name"] == ("Acme", "Acme Health")
        assert changed["overview"] == (None, "Ours")

    def test_the_preview_cleans_valid_texts_and_leaves_the_others(self) -> None:
        texts = {"phone": "+15072842511", "website": "acme.", "twitter": "x.com/acme"}
        assert profile.preview(texts) == {
            "phone": "+1 507-284-2511",
            "website": "acme.",
            "twitter": "@acme",
        }


class TestRights:
    def test_only_owners_can_edit(self, session: Session, cast: Cast) -> None:
        for person in (cast.adam, cast.mia, cast.oda, cast.sam, cast.ada):
            with pytest.raises(NotPermitted):
                save(session, person, cast.acme, phone="+15072842511")

    def test_outsiders_get_not_found(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            save(session, cast.otto, cast.acme, phone="+15072842511")


class TestConcurrentEdits:
    def test_edits_of_different_fields_are_both_kept(self, session: Session, cast: Cast) -> None:
        shown = profile.form_texts(cast.acme)
        profile.save(session, cast.olga, cast.acme.id, shown, shown | {"phone": "+15072842511"})
        org = profile.save(session, cast.olga, cast.acme.id, shown, shown | {"overview": "Ours"})
        assert (org.phone, org.overview) == ("+15072842511", "Ours")

    def test_a_conflict_has_both_texts(self, session: Session, cast: Cast) -> None:
        shown = profile.form_texts(cast.acme)
        profile.save(session, cast.olga, cast.acme.id, shown, shown | {"name": "Acme One"})
        mine = shown | {"name": "Acme Two", "overview": "Ours"}
        with pytest.raises(Stale) as stale:
            profile.save(session, cast.olga, cast.acme.id, shown, mine)
        assert stale.value.theirs == {"name": "Acme One"}
        assert stale.value.yours == {"name": "Acme Two"}
        assert session.get(Organization, cast.acme.id).overview is None

    def test_either_text_can_be_kept(self, session: Session, cast: Cast) -> None:
        shown = profile.form_texts(cast.acme)
        profile.save(session, cast.olga, cast.acme.id, shown, shown | {"name": "Acme One"})
        seen = shown | {"name": "Acme One"}
        org = profile.save(session, cast.olga, cast.acme.id, seen, seen | {"overview": "Ours"})
        assert (org.name, org.overview) == ("Acme One", "Ours")
        org = profile.save(session, cast.olga, cast.acme.id, seen, seen | {"name": "Acme Two"})
        assert org.name == "Acme Two"

    def test_a_third_edit_during_the_choice_is_not_lost(self, session: Session, cast: Cast) -> None:
        shown = profile.form_texts(cast.acme)
        profile.save(session, cast.olga, cast.acme.id, shown, shown | {"name": "Acme Three"})
        seen = shown | {"name": "Acme One"}
        with pytest.raises(Stale):
            profile.save(session, cast.olga, cast.acme.id, seen, seen | {"name": "Acme Two"})

    def test_the_same_edit_twice_is_no_conflict(self, session: Session, cast: Cast) -> None:
        shown = profile.form_texts(cast.acme)
        for _ in range(2):
            typed = shown | {"name": "Acme One", "alert_email": "alerts@acme.example"}
            org = profile.save(session, cast.olga, cast.acme.id, shown, typed)
        assert org.name == "Acme One"
        assert len(entries(session)) == 1
        assert len(session.scalars(select(Mail)).all()) == 1


class TestAlertAddress:
    @pytest.fixture
    def pending(self, session: Session, cast: Cast, clock: Clock) -> Organization:
        return save(session, cast.olga, cast.acme, alert_email="alerts@acme.example")

    @pytest.fixture
    def in_use(self, session: Session, cast: Cast, pending: Organization) -> Organization:
        return alert_address.confirm_alert_email(session, ANONYMOUS, token_of_last_mail(session))

    def test_a_new_address_is_pending_until_confirmed(self, pending: Organization) -> None:
        assert (pending.alert_email, pending.alert_email_new) == (None, "alerts@acme.example")
        assert profile.form_texts(pending)["alert_email"] == "alerts@acme.example"

    def test_the_link_is_emailed_to_the_new_address_and_not_stored(
        self, session: Session, pending: Organization
    ) -> None:
        [mail] = session.scalars(select(Mail)).all()
        token = token_of_last_mail(session)
        assert mail.recipient == "alerts@acme.example"
        assert token not in str(mail.context)
        assert session.scalars(select(Link)).one().token_hash != token

    def test_opening_the_link_changes_nothing(
        self, session: Session, pending: Organization
    ) -> None:
        found = alert_address.get_alert_link(session, token_of_last_mail(session))
        assert (found.organization, found.email) == ("Acme", "alerts@acme.example")
        assert pending.alert_email is None

    def test_the_link_confirms_the_address_once(
        self, session: Session, cast: Cast, in_use: Organization
    ) -> None:
        assert (in_use.alert_email, in_use.alert_email_new) == ("alerts@acme.example", None)
        assert "acme" in in_use.search_text
        assert entries(session)[-1].event == "alert_email.confirmed"
        assert entries(session)[-1].actor_id is None
        with pytest.raises(LinkNotValid):
            alert_address.confirm_alert_email(session, ANONYMOUS, token_of_last_mail(session))

    def test_all_invalid_links_get_the_same_refusal(
        self, session: Session, cast: Cast, pending: Organization, clock: Clock
    ) -> None:
        used = token_of_last_mail(session)
        alert_address.confirm_alert_email(session, ANONYMOUS, used)
        save(session, cast.olga, cast.acme, alert_email="b@acme.example")
        replaced = token_of_last_mail(session)
        save(session, cast.olga, cast.acme, alert_email="c@acme.example")
        expired = token_of_last_mail(session)
        clock.turn(timedelta(hours=24))
        words = set()
        for token in ("unknown", "", used, replaced, expired):
            with pytest.raises(LinkNotValid) as refused:
                alert_address.confirm_alert_email(session, ANONYMOUS, token)
            words.add(str(refused.value))
        assert len(words) == 1

    def test_the_old_address_is_used_until_the_new_one_is_confirmed(
        self, session: Session, cast: Cast, in_use: Organization
    ) -> None:
        org = save(session, cast.olga, cast.acme, alert_email="new@acme.example")
        assert (org.alert_email, org.alert_email_new) == ("alerts@acme.example", "new@acme.example")

    def test_the_address_in_use_needs_no_confirmation(
        self, session: Session, cast: Cast, in_use: Organization
    ) -> None:
        save(session, cast.olga, cast.acme, alert_email="new@acme.example")
        token = token_of_last_mail(session)
        org = save(session, cast.olga, cast.acme, alert_email="alerts@acme.example")
        assert org.alert_email_new is None
        with pytest.raises(LinkNotValid):
            alert_address.confirm_alert_email(session, ANONYMOUS, token)

    def test_a_pending_address_can_be_withdrawn(
        self, session: Session, cast: Cast, pending: Organization
    ) -> None:
        assert save(session, cast.olga, cast.acme, alert_email="").alert_email_new is None

    def test_a_confirmed_address_cannot_be_emptied(
        self, session: Session, cast: Cast, in_use: Organization
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            save(session, cast.olga, cast.acme, alert_email=" ")
        assert list(refused.value.fields) == ["alert_email"]

    def test_a_resent_link_replaces_the_first(
        self, session: Session, cast: Cast, pending: Organization
    ) -> None:
        first = token_of_last_mail(session)
        alert_address.resend_alert_link(session, cast.olga, cast.acme.id)
        with pytest.raises(LinkNotValid):
            alert_address.get_alert_link(session, first)
        alert_address.confirm_alert_email(session, ANONYMOUS, token_of_last_mail(session))

    def test_no_address_is_confirmed_in_a_deleted_organization(
        self, session: Session, cast: Cast, pending: Organization, clock: Clock
    ) -> None:
        token = token_of_last_mail(session)
        gone = update(Organization).where(Organization.id == cast.acme.id)
        session.execute(gone.values(deleted_at=clock.now()), execution_options={"unrecorded": True})
        with pytest.raises(LinkNotValid):
            alert_address.confirm_alert_email(session, ANONYMOUS, token)

    def test_confirmation_mails_are_limited(
        self, session: Session, cast: Cast, pending: Organization, clock: Clock
    ) -> None:
        for _ in range(4):
            alert_address.resend_alert_link(session, cast.olga, cast.acme.id)
        with pytest.raises(TooManyAttempts):
            alert_address.resend_alert_link(session, cast.olga, cast.acme.id)
        clock.turn(timedelta(hours=1))
        alert_address.resend_alert_link(session, cast.olga, cast.acme.id)

    def test_a_test_is_sent_to_the_confirmed_address_only(
        self, session: Session, cast: Cast, in_use: Organization
    ) -> None:
        save(session, cast.olga, cast.acme, alert_email="new@acme.example")
        alert_address.send_test(session, cast.olga, cast.acme.id)
        last = session.scalars(select(Mail).order_by(Mail.id.desc())).first()
        assert last is not None
        assert (last.template, last.recipient) == ("alert_test", "alerts@acme.example")

    def test_a_test_needs_a_confirmed_address(
        self, session: Session, cast: Cast, pending: Organization
    ) -> None:
        with pytest.raises(InvalidInput):
            alert_address.send_test(session, cast.olga, cast.acme.id)


class TestLogo:
    def test_a_logo_is_set_and_removed(self, session: Session, cast: Cast) -> None:
        assert logos.set_logo(session, cast.olga, cast.acme.id, PICTURE).logo == "a" * 64
        assert logos.remove_logo(session, cast.olga, cast.acme.id).logo is None
        assert [entry.event for entry in entries(session)] == ["logo.changed", "logo.removed"]

    def test_two_organizations_can_have_the_same_logo(self, session: Session, cast: Cast) -> None:
        logos.set_logo(session, cast.olga, cast.acme.id, PICTURE)
        logos.set_logo(session, cast.otto, cast.otto_ltd.id, PICTURE)
        logos.remove_logo(session, cast.olga, cast.acme.id)
        assert session.get(Organization, cast.otto_ltd.id).logo == PICTURE.digest

    def test_setting_the_same_logo_is_no_change(self, session: Session, cast: Cast) -> None:
        for _ in range(2):
            logos.set_logo(session, cast.olga, cast.acme.id, PICTURE)
        assert len(entries(session)) == 1

    def test_a_real_photograph_becomes_a_png(
        self, session: Session, cast: Cast, tmp_path: Path
    ) -> None:
        Image.effect_noise((900, 600), 80).convert("RGB").save(tmp_path / "photo.jpg", quality=90)
        picture = logos.clean((tmp_path / "photo.jpg").read_bytes())
        org = logos.set_logo(session, cast.olga, cast.acme.id, picture)
        assert org.logo == picture.digest
        assert picture.png.startswith(b"\x89PNG")


class TestListing:
    def test_a_card_needs_logo_overview_and_website(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput) as refused:
            directory.list_in_solutions(session, cast.olga, cast.acme.id, listed=True)
        sentence = refused.value.fields["is_listed"]
        assert "a logo, an overview and a public website" in sentence

    def test_the_listing_is_turned_on_and_off(self, session: Session, cast: Cast) -> None:
        logos.set_logo(session, cast.olga, cast.acme.id, PICTURE)
        save(session, cast.olga, cast.acme, overview="Ours", website="acme.example")
        for listed in (True, True, False):
            org = directory.list_in_solutions(session, cast.olga, cast.acme.id, listed=listed)
            assert org.is_listed is listed
        events = [entry.event for entry in entries(session)]
        assert events[-2:] == ["profile.listed", "profile.unlisted"]


class TestUpToDate:
    def test_confirmation_is_due_once_a_year(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        clock.turn(timedelta(days=30))
        org = profile.confirm(session, cast.olga, cast.acme.id)
        assert not profile.is_confirmation_due(org)
        clock.turn(timedelta(days=365))
        assert profile.is_confirmation_due(org)

    def test_confirming_twice_is_recorded_once(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        for _ in range(2):
            profile.confirm(session, cast.olga, cast.acme.id)
        assert [entry.event for entry in entries(session)] == ["profile.confirmed"]

    def test_an_edit_confirms_as_well(self, session: Session, cast: Cast, clock: Clock) -> None:
        assert save(session, cast.olga, cast.acme, name="Acme Health").confirmed_at == clock.now()


def test_an_organization_may_be_called_by_the_domain_of_its_owner(
    session: Session, cast: Cast
) -> None:
    original = profile.form_texts(session.get_one(Organization, cast.acme.id))
    edited = original | {"name": "Example.com Ltd", "phone": "+44 20 7946 0958 ext. 5"}
    saved = profile.save(session, cast.olga, cast.acme.id, original, edited)
    assert saved.name == "Example.com Ltd"
    assert profile.form_texts(saved)["phone"] == "+44 20 7946 0958 ext. 5"
    with pytest.raises(InvalidInput) as refused:
        profile.save(session, cast.olga, cast.acme.id, edited, edited | {"name": "Booking.com"})
    assert "Write Booking com" in refused.value.fields["name"]
