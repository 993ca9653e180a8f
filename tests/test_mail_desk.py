"""What administrators see of the mails, and do about those that could not be sent."""

import pytest

from core import clock as core_clock
from core import keys, mail, mail_desk, outbox, settings
from core.errors import MailUnderway, NotFound, NotPermitted
from tests.cast import Cast

LINK = {"page": "invitation", "kind": "invitation", "nonce": "0f" * 16}


def set_up(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SMTP_URL", url)
    settings.settings.cache_clear()


class TestAdministration:
    def test_only_administrators_read_mails(self, session, cast: Cast):
        for person in (cast.olga, cast.sam, cast.oda):
            with pytest.raises(NotPermitted):
                mail_desk.table(session, person)

    def test_states_are_told_apart(self, session, cast: Cast):
        times = {"waiting": {}, "retrying": {"error": "451"}, "given up": {"due_at": None}}
        times["sent"] = {"due_at": None, "sent_at": core_clock.now()}
        for state, values in times.items():
            queued = mail.enqueue(
                session, "alert_test", f"{state[0]}@example.com", organization="A"
            )
            for field, value in values.items():
                setattr(queued, field, value)
        table = mail_desk.table(session, cast.ada)
        assert list(table["state"]) == ["sent", "given up", "retrying", "waiting"]
        assert set(mail_desk.counts(session, cast.ada).values()) == {1}
        failed = mail_desk.table(session, cast.ada, states=[mail_desk.State.GIVEN_UP])
        assert list(failed["recipient"]) == ["g@example.com"]
        assert len(mail_desk.table(session, cast.ada, recipient="S@EX")) == 1

    def test_the_link_is_shown_only_where_no_server_brings_it(
        self, session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ):
        queued = mail.enqueue(
            session, "alert_test", "olga@example.com", organization="Acme", link=LINK
        )
        token = keys.token("invitation", LINK["nonce"])
        shown = mail_desk.show(session, cast.ada, queued.id)
        assert (shown.link or "").endswith(f"#{token}")
        assert token in shown.letter.html

        queued.sent_at = core_clock.now()
        session.flush()
        assert token not in str(mail_desk.show(session, cast.ada, queued.id))

        queued.sent_at = None
        session.flush()
        set_up(monkeypatch, "smtp://mail.example.com")
        assert token not in str(mail_desk.show(session, cast.ada, queued.id))

    def test_a_mail_that_was_given_up_can_be_tried_again(self, session, cast: Cast):
        queued = mail.enqueue(session, "alert_test", "olga@example.com", organization="Acme")
        mail_desk.cancel(session, cast.ada, queued.id)
        assert mail_desk.show(session, cast.ada, queued.id).state is mail_desk.State.GIVEN_UP
        mail_desk.retry(session, cast.ada, queued.id)
        assert mail_desk.show(session, cast.ada, queued.id).state is mail_desk.State.WAITING

    def test_a_mail_on_its_way_is_not_called_back(self, session, cast: Cast):
        queued = mail.enqueue(session, "alert_test", "olga@example.com", organization="Acme")
        outbox._claim(session)
        with pytest.raises(MailUnderway):
            mail_desk.cancel(session, cast.ada, queued.id)

    def test_a_mail_that_does_not_exist_is_not_found(self, session, cast: Cast):
        with pytest.raises(NotFound):
            mail_desk.show(session, cast.ada, 999)

    def test_all_that_failed_are_tried_again_but_not_what_was_taken_back(self, session, cast: Cast):
        made = {}
        for name, values in {
            "refused": {"due_at": None, "error": "550 No", "attempts": 1},
            "retried": {"error": "451 Later", "attempts": 9},
            "stopped": {"due_at": None},
            "sent": {"due_at": None, "sent_at": core_clock.now()},
        }.items():
            made[name] = mail.enqueue(
                session, "alert_test", f"{name}@example.com", organization="Acme"
            )
            for field, value in values.items():
                setattr(made[name], field, value)
        made["cancelled"] = mail.enqueue(session, "alert_test", "c@example.com", organization="A")
        mail_desk.cancel(session, cast.ada, made["cancelled"].id)

        assert mail_desk.retry_failed(session, cast.ada, recipient="nobody@") == 0
        assert mail_desk.retry_failed(session, cast.ada) == 2
        states = {
            name: mail_desk.show(session, cast.ada, each.id).state for name, each in made.items()
        }
        waiting, given_up = mail_desk.State.WAITING, mail_desk.State.GIVEN_UP
        assert states == {
            "refused": waiting,
            "retried": waiting,
            "stopped": given_up,
            "sent": mail_desk.State.SENT,
            "cancelled": given_up,
        }

    def test_several_states_come_together_page_by_page(self, session, cast: Cast, monkeypatch):
        monkeypatch.setattr(mail_desk, "PER_PAGE", 2)
        for number in range(6):
            queued = mail.enqueue(session, "alert_test", f"{number}@example.com", organization="A")
            queued.due_at, queued.error = (None, "550 No") if number % 2 else (queued.due_at, None)
        states = [mail_desk.State.WAITING, mail_desk.State.GIVEN_UP]
        pages = [mail_desk.table(session, cast.ada, states=states, page=n) for n in (1, 2, 3)]
        found = [address[0] for page in pages for address in page["recipient"].head(2)]
        assert found == list("543210")
        given_up = mail_desk.table(session, cast.ada, states=states[1:], recipient="example")
        assert [address[0] for address in given_up["recipient"]] == list("531")
