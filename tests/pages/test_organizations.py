"""The pages Organizations, Welcome and Overview."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor
from core.accounts import accounts, sessions
from core.audit import history
from core.database import db
from core.members import leaving
from core.models import Organization, Stage
from core.ops.run_types import RUN_TYPES
from core.organizations import downloads, organizations
from core.organizations.csv_export import Format
from core.organizations.downloads import Download
from core.runs import advance
from tests.organizations.test_table import make_organizations
from tests.pages.conftest import Show, words
from tests.support.cast import Cast
from tests.support.tables import (
    Table,
    find_table,
    find_timeline,
    links_of,
    rows_of_links,
    tables,
)

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def text_of(screen: AppTest) -> str:
    """Return what is written on the page and in its components."""
    components = [each.proto.json for each in screen.main.get("bidi_component")]
    return "\n".join([words(screen), *components])


def table_of(screen: AppTest) -> Table:
    return find_table(screen, "Organizations")


def listed_ids(screen: AppTest) -> list[str]:
    """Return the Organization IDs in the table."""
    return table_of(screen).column("public_id") if tables(screen) else []


def all_names() -> list[str]:
    with db.read() as session:
        return list(session.scalars(select(Organization.name).order_by(Organization.id)))


def add_many(number: int) -> None:
    with db.Session(db.writing_engine()) as session, session.begin():
        make_organizations(session, number)


class TestCreate:
    def test_a_name_is_enough(self, show: Show, cast: Cast) -> None:
        db.run(leaving.leave, cast.mia, cast.acme.id)
        screen = show("welcome", cast.mia)
        assert "Welcome, Mia" in text_of(screen)
        screen.button(key="create-organization").click().run()
        screen.text_input(key="create.name").set_value("Mayo Clinic").run()
        screen.button(key="create-save").click().run()
        assert "Mayo Clinic" in text_of(screen)
        assert "Recent activity" in text_of(screen)
        assert all_names() == ["Acme", "Otto Ltd", "Mayo Clinic"]

    def test_similar_names_of_others_are_not_shown(self, show: Show, cast: Cast) -> None:
        screen = show("organizations", cast.otto)
        screen.button(key="create-organization").click().run()
        screen.text_input(key="create.name").set_value("acmee").run()
        assert "An organization with a similar name already exists" in text_of(screen)
        assert "**Acme**" not in text_of(screen)

    def test_similar_names_are_shown_while_typing(self, show: Show, cast: Cast) -> None:
        with db.engine().begin() as connection:
            connection.exec_driver_sql("UPDATE organizations SET is_listed = 1 WHERE name = 'Acme'")
        screen = show("organizations", cast.otto)
        screen.button(key="create-organization").click().run()
        screen.text_input(key="create.name").set_value("acme").run()
        assert "**Acme** already exists. Ask an owner" in text_of(screen)
        screen.button(key="create-save").click().run()
        assert all_names() == ["Acme", "Otto Ltd", "acme"]

    def test_similar_names_are_shown_before_a_pasted_name_is_saved(
        self, show: Show, cast: Cast
    ) -> None:
        screen = show("organizations", cast.olga)
        screen.button(key="create-organization").click().run()
        screen.text_input(key="create.name").set_value("A\u0441me")  # with a Cyrillic letter
        screen.button(key="create-save").click().run()
        assert "is yours already" in text_of(screen)
        assert f"overview?org={cast.acme.public_id}" in text_of(screen)
        assert all_names() == ["Acme", "Otto Ltd"]
        screen.button(key="create-save").click().run()
        assert all_names() == ["Acme", "Otto Ltd", "A\u0441me"]

    def test_a_refused_name_is_kept_with_the_reason(self, show: Show, cast: Cast) -> None:
        screen = show("organizations", cast.otto)
        screen.button(key="create-organization").click().run()
        screen.text_input(key="create.name").set_value("see www.example.com").run()
        screen.button(key="create-save").click().run()
        assert "web address" in text_of(screen)
        assert screen.text_input(key="create.name").value == "see www.example.com"
        assert len(all_names()) == 2


class TestFiltersThatAreGone:
    @pytest.mark.parametrize(
        "address",
        [
            {"rep": "987"},
            {"rep": "1_0"},
            {"members": "many"},
            {"stage": "gone"},
            {"from": "0001-01-01"},
        ],
    )
    def test_a_filter_that_cannot_be_met_shows_nothing_and_says_so(
        self, show: Show, cast: Cast, address: dict[str, str]
    ) -> None:
        screen = show("organizations", cast.oda, **address)
        assert "available, so nothing is shown" in screen.warning[0].value.replace("\\", "")
        assert listed_ids(screen) == []
        screen.button(key="clear-address").click().run()
        assert len(listed_ids(screen)) == 2

    def test_a_view_shows_what_a_rep_who_left_still_carries(self, show: Show, cast: Cast) -> None:
        with db.engine().begin() as connection:
            for statement in (
                f"UPDATE organizations SET rep_id = {cast.sue.user_id} WHERE name = 'Acme'",
                f"UPDATE users SET staff = NULL WHERE id = {cast.sue.user_id}",
            ):
                connection.exec_driver_sql(statement)
        screen = show("organizations", cast.oda, rep=str(cast.sue.user_id))
        assert listed_ids(screen) == [cast.acme.public_id]
        old = show("organizations", cast.oda, **{"from": "2001-01-01", "to": "2010-01-01"})
        assert listed_ids(old) == []


class TestMine:
    def test_people_see_their_own(self, show: Show, cast: Cast) -> None:
        table = table_of(show("organizations", cast.mia))
        assert table.column("public_id") == [cast.acme.public_id]
        assert table.column("role") == ["member"]
        assert table.sent["range"] == "1 of 1 organization"

    def test_people_without_one_are_told_what_to_do(self, show: Show, cast: Cast) -> None:
        db.run(organizations.delete, cast.otto, cast.otto_ltd.id, name="Otto Ltd")
        screen = show("organizations", cast.otto)
        assert table_of(screen).sent["empty"] == [
            "No organizations yet",
            "Create one, or open the invitation link in your email.",
        ]
        assert screen.button(key="create-organization")

    def test_several_are_counted_by_stage_and_role(self, show: Show, cast: Cast) -> None:
        assert len(tables(show("organizations", cast.mia))) == 1
        for number in range(12):
            db.run(organizations.create, cast.mia, f"Clinic {number}")
        counted = find_table(show("organizations", cast.mia), "Your roles by stage")
        for row in ("free", "total"):
            at = counted.ids.index(row)
            roles = [counted.column(role)[at] for role in ("member", "admin", "owner")]
            assert roles == [1, 0, 12]

    def test_many_can_be_searched(self, show: Show, cast: Cast) -> None:
        for number in range(12):
            db.run(organizations.create, cast.mia, f"Clinic {number}")
        screen = show("organizations", cast.mia)
        screen.text_input(key="q").set_value("CLINIC 11").run()
        assert table_of(screen).sent["range"] == "1 of 13 organizations"
        screen.text_input(key="q").set_value("nothing").run()
        assert table_of(screen).sent["empty"][0] == "No matches"

    def test_the_quick_view_shows_what_members_may_see(self, show: Show, cast: Cast) -> None:
        screen = table_of(show("organizations", cast.mia)).ask("look", cast.acme.id)
        assert "**3 people**" in text_of(screen)
        assert not [button for button in screen.button if button.key == "quick-view-move"]


class TestAll:
    def test_staff_see_all_and_filter_them(self, show: Show, cast: Cast) -> None:
        add_many(30)
        screen = show("organizations", cast.oda)
        assert table_of(screen).sent["range"] == "32 of 32 organizations"
        screen.text_input(key="q").set_value("acm").run()
        assert listed_ids(screen) == [cast.acme.public_id]
        screen = show("organizations", cast.oda, stage="production")
        assert table_of(screen).sent["range"] == "7 of 7 organizations"
        screen.session_state["filters"] = True
        screen.run().selectbox(key="organizations-rep").set_value("6").run()
        assert table_of(screen).sent["range"] == "3 of 3 organizations"
        assert screen.query_params["rep"] == "6"

    def test_a_stage_is_added_to_those_shown_or_taken_away(self, show: Show, cast: Cast) -> None:
        add_many(30)
        stages = links_of(show("organizations", cast.oda, stage="free"), "Stages")
        assert [stages[name]["number"] for name in stages] == ["32", "10", "8", "7", "7"]
        assert stages["free"]["isOn"]
        assert stages["free"]["change"] == {"stage": []}
        assert stages["production"]["change"] == {"stage": ["free", "production"]}
        assert stages["production"]["share"] == 7 / 32

    def test_counts_of_a_search_are_left_to_the_browser(self, show: Show, cast: Cast) -> None:
        stages = links_of(show("organizations", cast.oda, q="acme"), "Stages")
        assert [stage["number"] for stage in stages.values()] == [None] * 5

    def test_each_filter_can_be_taken_away(self, show: Show, cast: Cast) -> None:
        chips = links_of(show("organizations", cast.oda, members="2-10", rep="0"), "Filters")
        assert {name: chip["label"] for name, chip in chips.items()} == {
            "rep": "Sales rep: Unassigned",
            "members": "Members: 2–10",
            "clear": "Clear filters",
        }
        assert chips["members"]["change"] == {"members": []}
        assert {"q", "stage", "rep", "members", "from"} <= set(chips["clear"]["change"])
        assert not chips["clear"]["isOn"], "screen readers would call it the current one"
        assert not links_of(show("organizations", cast.oda, q="acme"), "Filters")

    def test_the_fields_follow_an_address_that_was_opened_meanwhile(
        self, show: Show, cast: Cast
    ) -> None:
        screen = show("organizations", cast.oda, members="2-10")
        screen.session_state["filters"] = True
        assert screen.run().selectbox(key="organizations-members").value == "2-10"
        del screen.query_params["members"]
        assert screen.run().selectbox(key="organizations-members").value is None
        assert len(listed_ids(screen)) == 2

    @pytest.mark.parametrize(
        ("query", "title", "hint"),
        [
            ({"q": "nobody"}, "No organizations match", "Search for the beginning"),
            ({"members": "201+"}, "No organizations match", "clear the filters"),
            ({"deleted": "true"}, "No deleted organizations", "can be restored"),
        ],
    )
    def test_an_empty_table_says_why(
        self, show: Show, cast: Cast, query: dict[str, str], title: str, hint: str
    ) -> None:
        said = table_of(show("organizations", cast.ada, **query)).sent["empty"]
        assert said[0] == title
        assert hint in said[1]

    def test_the_address_keeps_the_place(self, show: Show, cast: Cast) -> None:
        add_many(30)
        screen = show("organizations", cast.oda, at="after.ORG-0000020")
        assert listed_ids(screen)[0] == "ORG-0000019"

    def test_pages_lead_to_each_other(self, show: Show, cast: Cast) -> None:
        add_many(80)
        first = {
            turn["label"]: turn for turn in table_of(show("organizations", cast.oda)).sent["turns"]
        }
        assert not first["← Previous"]["isOn"]
        at = first["Next →"]["change"]["at"]
        screen = show("organizations", cast.oda, at=at)
        assert listed_ids(screen)[-1] == cast.acme.public_id
        turns = {turn["label"]: turn["isOn"] for turn in table_of(screen).sent["turns"]}
        assert turns == {"First": True, "← Previous": True, "Next →": False, "Last": False}
        screen = show("organizations", cast.oda, sort="oldest")
        assert listed_ids(screen)[0] == cast.acme.public_id
        assert table_of(screen).sent["sort"] == "oldest"

    def test_a_new_filter_leads_to_the_first_page(self, show: Show, cast: Cast) -> None:
        add_many(80)
        screen = show("organizations", cast.oda, at="after.ORG-0000020")
        screen.session_state["filters"] = True
        screen.run().selectbox(key="organizations-members").set_value("2-10").run()
        assert "at" not in screen.query_params
        screen.query_params["at"] = "after.ORG-0000020"
        screen.run().text_input(key="q").set_value("clinic").run()
        assert "at" not in screen.query_params
        assert table_of(screen).sent["turns"][0] == {"label": "First", "isOn": False, "change": {}}
        forgotten = {name: row["forgets"] for name, row in rows_of_links(screen).items()}
        assert forgotten == {"Stages": ["at"], "Views": ["at"], "Filters": ["at"]}

    @pytest.mark.parametrize("at", ["after", "before.", "nonsense", "after.ORG-'", "last.x"])
    def test_an_invalid_address_shows_the_first_page(self, show: Show, cast: Cast, at: str) -> None:
        screen = show("organizations", cast.oda, at=at, rows="3")
        assert len(listed_ids(screen)) == 2

    def test_columns_can_be_chosen(self, show: Show, cast: Cast) -> None:
        screen = show("organizations", cast.oda)
        assert "owners" not in table_of(screen).columns
        screen.session_state["choose-columns"] = True
        screen.run().multiselect(key="columns").set_value(["Owners", "Pending"]).run()
        assert table_of(screen).columns == ["name", "owners", "pending"]

    def test_members_do_not_see_it(self, show: Show, cast: Cast) -> None:
        screen = show("organizations", cast.olga, q="otto")
        assert listed_ids(screen) == [cast.acme.public_id]


class TestMemberships:
    def test_they_are_counted_for_whatever_is_filtered(self, show: Show, cast: Cast) -> None:
        add_many(30)
        screen = show("organizations", cast.oda, view="memberships", q="acme")
        by_stage = find_table(screen, "Memberships by stage")
        people = ["organizations", "owners", "admins", "members", "invitations"]
        assert by_stage.columns == ["stage", *people, "bars"]
        assert by_stage.column("stage")[0] == "Free"
        for row in (0, -1):
            assert [by_stage.column(name)[row] for name in people] == [1, 1, 1, 1, 0]
        by_size = find_table(screen, "Organizations by size and stage")
        assert dict(zip(by_size.ids, by_size.column("free"), strict=True))["2–10"] == 1
        by_month = find_table(screen, "Created by month")
        assert by_month.column("organizations") == by_month.column("running total") == [1]
        assert not [link for link in links_of(screen, "Views").values() if link["name"] == "q"]

    def test_nothing_matches(self, show: Show, cast: Cast) -> None:
        screen = show("organizations", cast.oda, view="memberships", q="nobody")
        by_stage = find_table(screen, "Memberships by stage")
        assert by_stage.column("organizations")[-1] == 0
        assert not screen.exception

    def test_both_views_are_links_with_the_same_filters(self, show: Show, cast: Cast) -> None:
        views = links_of(show("organizations", cast.oda, q="acme"), "Views")
        assert views["memberships"]["change"] == {"view": ["memberships"]}
        assert views["list"]["change"] == {"view": []}
        assert views["list"]["isOn"]


class TestQuickView:
    def test_it_shows_what_is_missing_and_who_is_in_it(self, show: Show, cast: Cast) -> None:
        move(cast.sam, cast.acme.id, Stage.ONBOARDING)
        screen = table_of(show("organizations", cast.oda)).ask("look", cast.acme.id)
        told = text_of(screen)
        assert "Ready for preproduction" in told
        assert "Add a phone number" in told
        assert "**3 people**" in told
        (latest,) = find_timeline(screen, "Changes").sentences
        assert latest.startswith("Sam moved it from free to onboarding")

    def test_sales_flag_an_organization_in_it(self, show: Show, cast: Cast) -> None:
        screen = table_of(show("organizations", cast.sam)).ask("look", cast.acme.id)
        screen.button(key="quick-view-move").click().run()
        screen.text_input(key=f"quick-flag-{cast.acme.id}.next_step").set_value("Call Olga")
        screen.button(key=f"quick-flag-{cast.acme.id}-submit").click().run()
        assert stage_of(cast.acme.id) is Stage.ONBOARDING
        assert "Ready for preproduction" in text_of(screen)  # it stays open

    def test_a_move_asks_first(self, show: Show, cast: Cast) -> None:
        move(cast.sam, cast.acme.id, Stage.ONBOARDING)
        complete_profile(cast.acme.id)
        screen = table_of(show("organizations", cast.sam)).ask("look", cast.acme.id)
        screen.button(key="quick-view-move").click().run()
        assert "Move to preproduction? Owners are notified by email." in text_of(screen)
        assert stage_of(cast.acme.id) is Stage.ONBOARDING
        screen.button(key="quick-move-submit").click().run()
        assert stage_of(cast.acme.id) is Stage.PREPRODUCTION

    def test_open_checks_keep_it_from_moving(self, show: Show, cast: Cast) -> None:
        move(cast.sam, cast.acme.id, Stage.ONBOARDING)
        screen = table_of(show("organizations", cast.sam)).ask("look", cast.acme.id)
        assert screen.button(key="quick-view-move").disabled

    def test_single_letters_do_nothing_for_who_has_them_off(self, show: Show, cast: Cast) -> None:
        db.run(accounts.set_letter_keys, cast.oda, wanted=False)
        screen = table_of(show("organizations", cast.oda)).ask("look", cast.acme.id)
        sent = [each.proto for each in screen.get("bidi_component")]
        (stepper,) = [json.loads(p.json) for p in sent if p.component_name == "orgdesk_stepper"]
        assert not stepper["hasLetterKeys"]

    def test_operations_only_look(self, show: Show, cast: Cast) -> None:
        screen = table_of(show("organizations", cast.oda)).ask("look", cast.acme.id)
        assert not [button for button in screen.button if button.key == "quick-view-move"]


class TestFlag:
    def test_sales_flag_the_selected_ones(self, show: Show, cast: Cast) -> None:
        screen = table_of(show("organizations", cast.sam)).ask("flag", cast.acme.id)
        screen.text_input(key="flag.next_step").set_value("Call Olga")
        screen.button(key="flag-submit").click().run()
        assert not screen.exception
        advance.run_due(RUN_TYPES)
        with db.read() as session:
            acme = session.get_one(Organization, cast.acme.id)
        assert (acme.stage, acme.rep_id) == (Stage.ONBOARDING, cast.sam.user_id)
        assert acme.next_step == "Call Olga"

    def test_refused_ones_are_listed_with_the_reason(self, show: Show, cast: Cast) -> None:
        move(cast.sam, cast.acme.id, Stage.PRODUCTION)
        table = table_of(show("organizations", cast.sam))
        screen = table.ask("flag", cast.acme.id, cast.otto_ltd.id)
        screen.button(key="flag-submit").click().run()
        advance.run_due(RUN_TYPES)
        assert "1 of 2 organizations, 1 refused." in text_of(screen.run())

    def test_all_that_match_are_flagged_in_the_background(self, show: Show, cast: Cast) -> None:
        screen = table_of(show("organizations", cast.sam)).ask("flag", isAll=True)
        assert "**2 organizations match.**" in text_of(screen)
        screen.button(key="flag-all-submit").click().run()
        assert "0 of 2 organizations" in text_of(screen)

    def test_unticked_rows_are_left_out(self, show: Show, cast: Cast) -> None:
        table = table_of(show("organizations", cast.sam))
        screen = table.ask("flag", cast.acme.id, isAll=True)
        assert "**1 organization matches.**" in text_of(screen)
        screen.button(key="flag-all-submit").click().run()
        advance.run_due(RUN_TYPES)
        assert stage_of(cast.acme.id) is Stage.FREE
        assert stage_of(cast.otto_ltd.id) is Stage.ONBOARDING

    def test_ops_edit_but_do_not_flag(self, show: Show, cast: Cast) -> None:
        bulk = table_of(show("organizations", cast.oda)).sent["bulk"]
        assert [action["name"] for action in bulk] == ["edit"]


class TestDownload:
    def test_one_in_progress_is_shown_and_can_be_stopped(
        self, show: Show, cast: Cast, tmp_path: Path
    ) -> None:
        stopped: list[bool] = []
        said = tmp_path / "said"
        said.write_text("rows 1\nrows 2\nrow")
        mine = Download(cast.oda, Format.XLSX, lambda: stopped.append(True), 7_000_000, said)
        others = Download(cast.sam, Format.CSV, lambda: None)
        with downloads.in_progress(mine), downloads.in_progress(others):
            screen = show("organizations", cast.oda)
            (progress,) = screen.get("progress")
            assert progress.proto.text == "**XLSX** · 2 of 2 organizations · 7 MB"
            screen.button(key=f"stop-{id(mine)}").click().run()
        assert stopped == [True]
        assert not show("organizations", cast.oda).get("progress")

    def test_an_ended_session_stops_nothing(self, show: Show, cast: Cast) -> None:
        stopped: list[bool] = []
        mine = Download(cast.oda, Format.CSV, lambda: stopped.append(True))
        with downloads.in_progress(mine):
            screen = show("organizations", cast.oda)
            db.run(sessions.end_all, cast.oda.user_id, "ended elsewhere")
            screen.button(key=f"stop-{id(mine)}").click().run()
        assert [title.value for title in screen.title] == ["Log in"]
        assert stopped == []


class TestRestore:
    def test_an_administrator_restores_one(self, show: Show, cast: Cast) -> None:
        db.run(organizations.delete, cast.olga, cast.acme.id, name="Acme")
        screen = show("organizations", cast.ada)
        screen.session_state["filters"] = True
        screen.run().toggle(key="organizations-deleted").set_value(True).run()
        assert listed_ids(screen) == [cast.acme.public_id]
        screen = table_of(screen).ask("restore", cast.acme.id)
        assert listed_ids(screen) == [cast.acme.public_id]
        screen.button(key="restore-submit").click().run()
        assert listed_ids(screen) == []
        screen.toggle(key="organizations-deleted").set_value(False).run()
        assert sorted(listed_ids(screen)) == sorted([cast.acme.public_id, cast.otto_ltd.public_id])

    def test_others_cannot(self, show: Show, cast: Cast) -> None:
        screen = show("organizations", cast.sam)
        screen.session_state["filters"] = True
        screen.run()
        assert "organizations-activity" in [choice.key for choice in screen.selectbox]
        assert not screen.toggle


class TestOverview:
    def test_it_shows_the_state(self, show: Show, cast: Cast) -> None:
        move(cast.sam, cast.acme.id, Stage.ONBOARDING)
        text = text_of(show("overview", cast.olga, org=cast.acme.public_id))
        assert "Acme" in text
        assert cast.acme.public_id in text
        assert "5 left before preproduction" in text
        assert '"label": "Owner", "count": 1' in text
        assert "0 pending invitations" in text
        assert "Contact sales@" in text

    def test_members_read_and_owners_act(self, show: Show, cast: Cast) -> None:
        labels = {
            person: [b.label for b in show("overview", actor, org=cast.acme.public_id).button]
            for person, actor in (("olga", cast.olga), ("mia", cast.mia))
        }
        assert {"Edit profile", "Invite user"} <= set(labels["olga"])
        assert not {"Edit profile", "Invite user"} & set(labels["mia"])

    def test_outsiders_are_told_where_to_go(self, show: Show, cast: Cast) -> None:
        text = text_of(show("overview", cast.otto, org=cast.acme.public_id))
        assert "Organization not found" in text
        assert "Acme" not in text

    @pytest.mark.parametrize(
        "name", ["![x](http://x.example)", ":red[*a*]", "<b>A & B</b>", "東京"]
    )
    def test_names_are_shown_literally(self, show: Show, cast: Cast, name: str) -> None:
        rename(cast.acme.id, name)
        screen = show("overview", cast.olga, org=cast.acme.public_id)
        title = screen.title[0].value
        assert title.replace("\\", "").replace(":small[]", "") == name
        assert listed_ids(show("organizations", cast.olga)) == [cast.acme.public_id]


def move(actor: Actor, org_id: int, to: Stage) -> None:
    with db.transaction() as session:
        org = session.get_one(Organization, org_id)
        org.stage = to
        history.record(session, actor, org, "stage.moved", org)


def stage_of(org_id: int) -> Stage:
    with db.read() as session:
        return session.get_one(Organization, org_id).stage


def complete_profile(org_id: int) -> None:
    """Fill in what the gate to preproduction asks for."""
    fields = ("alert_email", "overview", "sales_email", "phone", "website")
    with db.Session(db.writing_engine()) as session, session.begin():
        org = session.get_one(Organization, org_id)
        for field in fields:
            setattr(org, field, "there")


def rename(org_id: int, name: str) -> None:
    with db.Session(db.writing_engine()) as session, session.begin():
        session.get_one(Organization, org_id).name = name
