"""Administration of mails: the table, links, retries and cancelling."""

import pytest

from core.base import clock as core_clock
from core.base import crypto, settings
from core.base.errors import MailInProgress, NotFound, NotPermitted
from core.mail import administration, delivery, outbox
from tests.support.cast import Cast

LINK = {"page": "invitation", "kind": "invitation", "nonce": "0f" * 16}


def set_up(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SMTP_URL", url)
    settings.settings.cache_clear()


class TestAdministration:
    def test_only_administrators_read_mails(self, session, cast: Cast):
        for person in (cast.olga, cast.sam, cast.oda):
            with pytest.raises(NotPermitted):
                administration.table(session, person)

    def test_mails_are_listed_with_their_state(self, session, cast: Cast):
        times = {"waiting": {}, "retrying": {"error": "451"}, "failed": {"due_at": None}}
        times["sent"] = {"due_at": None, "sent_at": core_clock.now()}
        for state, values in times.items():
            queued = outbox.enqueue(
                session, "alert_test", f"{state[0]}@example.com", organization="A"
            )
            for field, value in values.items():
                setattr(queued, field, value)
        table = administration.table(session, cast.ada)
        assert list(table["state"]) == ["sent", "failed", "retrying", "waiting"]
        assert set(administration.count_by_state(session, cast.ada).values()) == {1}
        failed = administration.table(session, cast.ada, states=[administration.State.FAILED])
        assert list(failed["recipient"]) == ["f@example.com"]
        assert len(administration.table(session, cast.ada, recipient="S@EX")) == 1

    def test_the_link_waits_for_an_administrator_only_without_a_mail_server(
        self, session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ):
        queued = outbox.enqueue(
            session, "alert_test", "olga@example.com", organization="Acme", link=LINK
        )
        token = crypto.token("invitation", LINK["nonce"])
        shown = administration.get(session, cast.ada, queued.id)
        assert shown.has_link
        assert token not in str(shown)
        assert administration.get_link(session, cast.ada, queued.id) == (queued, LINK)

        queued.sent_at = core_clock.now()
        session.flush()
        self.ensure_no_link(session, cast, queued.id)

        queued.sent_at = None
        session.flush()
        set_up(monkeypatch, "smtp://mail.example.com")
        self.ensure_no_link(session, cast, queued.id)

    def ensure_no_link(self, session, cast: Cast, mail_id: int) -> None:
        assert not administration.get(session, cast.ada, mail_id).has_link
        with pytest.raises(NotFound):
            administration.get_link(session, cast.ada, mail_id)

    def test_a_link_without_a_secret_is_not_guarded(self, session, cast: Cast):
        page = {"page": "members?org=ORG-7K3M9QX"}
        queued = outbox.enqueue(session, "alert_test", "o@example.com", organization="A", link=page)
        self.ensure_no_link(session, cast, queued.id)

    def test_a_mail_that_failed_can_be_tried_again(self, session, cast: Cast):
        queued = outbox.enqueue(session, "alert_test", "olga@example.com", organization="Acme")
        administration.cancel(session, cast.ada, queued.id)
        assert administration.get(session, cast.ada, queued.id).state is administration.State.FAILED
        administration.retry(session, cast.ada, queued.id)
        assert (
            administration.get(session, cast.ada, queued.id).state is administration.State.WAITING
        )

    def test_a_mail_being_sent_cannot_be_cancelled(self, session, cast: Cast):
        queued = outbox.enqueue(session, "alert_test", "olga@example.com", organization="Acme")
        delivery._claim(session)
        with pytest.raises(MailInProgress):
            administration.cancel(session, cast.ada, queued.id)

    def test_a_mail_that_does_not_exist_is_not_found(self, session, cast: Cast):
        with pytest.raises(NotFound):
            administration.get(session, cast.ada, 999)

    def test_all_failed_mails_are_retried_but_not_cancelled_ones(self, session, cast: Cast):
        made = {}
        for name, values in {
            "refused": {"due_at": None, "error": "550 No", "attempts": 1},
            "retried": {"error": "451 Later", "attempts": 9},
            "stopped": {"due_at": None},
            "sent": {"due_at": None, "sent_at": core_clock.now()},
        }.items():
            made[name] = outbox.enqueue(
                session, "alert_test", f"{name}@example.com", organization="Acme"
            )
            for field, value in values.items():
                setattr(made[name], field, value)
        made["cancelled"] = outbox.enqueue(session, "alert_test", "c@example.com", organization="A")
        administration.cancel(session, cast.ada, made["cancelled"].id)

        assert administration.retry_failed(session, cast.ada, recipient="nobody@") == 0
        assert administration.retry_failed(session, cast.ada) == 2
        states = {
            name: administration.get(session, cast.ada, each.id).state
            for name, each in made.items()
        }
        waiting, failed = administration.State.WAITING, administration.State.FAILED
        assert states == {
            "refused": waiting,
            "retried": waiting,
            "stopped": failed,
            "sent": administration.State.SENT,
            "cancelled": failed,
        }

    def test_several_states_come_together_page_by_page(self, session, cast: Cast, monkeypatch):
        monkeypatch.setattr(administration, "PER_PAGE", 2)
        for number in range(6):
            queued = outbox.enqueue(
                session, "alert_test", f"{number}@example.com", organization="A"
            )
            queued.due_at, queued.error = (None, "550 No") if number % 2 else (queued.due_at, None)
        states = [administration.State.WAITING, administration.State.FAILED]
        pages = [administration.table(session, cast.ada, states=states, page=n) for n in (1, 2, 3)]
        found = [address[0] for page in pages for address in page["recipient"].head(2)]
        assert found == list("543210")
        failed = administration.table(session, cast.ada, states=states[1:], recipient="example")
        assert [address[0] for address in failed["recipient"]] == list("531")
