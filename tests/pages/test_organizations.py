"""The pages Organizations, Welcome and Overview."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor
from core.accounts import sessions
from core.audit import history
from core.database import db
from core.members import leaving
from core.models import Organization, Stage
from core.organizations import downloads, organizations
from core.organizations.csv_export import Format
from core.organizations.downloads import Download
from pages.ui import tables
from tests.organizations.test_table import make_organizations
from tests.pages.conftest import Show
from tests.support.cast import Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def text_of(screen: AppTest) -> str:
    assert not screen.exception
    kinds = (screen.title, screen.subheader, screen.markdown, screen.text, screen.code)
    drawn = [element.value for kind in kinds for element in kind]
    return "\n".join([*drawn, *(each.proto.json for each in screen.main.get("bidi_component"))])


def listed_ids(screen: AppTest) -> list[str]:
    """Return the Organization IDs in the table."""
    return screen.dataframe[0].value["public_id"].tolist() if screen.dataframe else []


def table_key(screen: AppTest, name: str) -> str:
    return tables.rows_key(name, screen.dataframe[0].value)


def select_rows(screen: AppTest, rows: list[int]) -> AppTest:
    chosen: dict[str, Any] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    screen.session_state[table_key(screen, "organizations-all")] = chosen
    return screen.run()


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
        assert "Last changes" in text_of(screen)
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
        assert "**Acme** already exists; ask one of its owners" in text_of(screen)
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
        screen = show("organizations", cast.mia)
        assert listed_ids(screen) == [cast.acme.public_id]
        assert screen.dataframe[0].value["role"].tolist() == [["member"]]
        assert "1 organization" in text_of(screen)

    def test_people_without_one_are_told_what_to_do(self, show: Show, cast: Cast) -> None:
        db.run(organizations.delete, cast.otto, cast.otto_ltd.id, name="Otto Ltd")
        screen = show("organizations", cast.otto)
        assert "You do not belong to an organization yet" in text_of(screen)
        assert screen.button(key="create-organization")

    def test_many_can_be_searched(self, show: Show, cast: Cast) -> None:
        for number in range(12):
            db.run(organizations.create, cast.mia, f"Clinic {number}")
        screen = show("organizations", cast.mia)
        screen.text_input(key="q").set_value("CLINIC 11").run()
        assert len(listed_ids(screen)) == 1
        screen.text_input(key="q").set_value("nothing").run()
        assert "None of yours is called so" in text_of(screen)


class TestAll:
    def test_staff_see_all_and_filter_them(self, show: Show, cast: Cast) -> None:
        add_many(30)
        screen = show("organizations", cast.oda)
        assert "32 organizations" in text_of(screen)
        screen.text_input(key="q").set_value("acm").run()
        assert listed_ids(screen) == [cast.acme.public_id]
        screen.text_input(key="q").set_value("").run()
        screen.get("button_group")[0].set_value([Stage.PRODUCTION]).run()
        assert "7 organizations" in text_of(screen)
        screen.session_state["filters"] = True
        screen.run().selectbox(key="organizations-rep").set_value("6").run()
        assert "3 organizations" in text_of(screen)
        assert screen.query_params["rep"] == "6"

    def test_nothing_found_says_what_to_do(self, show: Show, cast: Cast) -> None:
        screen = show("organizations", cast.oda)
        screen.text_input(key="q").set_value("nobody").run()
        assert "No organization fits" in text_of(screen)

    def test_the_address_keeps_the_filters(self, show: Show, cast: Cast) -> None:
        add_many(30)
        screen = show("organizations", cast.oda, at="after.ORG-0000020")
        assert listed_ids(screen)[0] == "ORG-0000019"
        assert screen.button(key="organizations-before")

    def test_a_new_filter_leads_to_the_first_page(self, show: Show, cast: Cast) -> None:
        add_many(80)
        screen = show("organizations", cast.oda)
        assert screen.button(key="organizations-before").disabled
        screen.button(key="organizations-after").click().run()
        assert listed_ids(screen)[-1] == cast.acme.public_id
        assert screen.button(key="organizations-last").disabled
        screen.selectbox(key="sort").set_value("oldest").run()
        assert listed_ids(screen)[0] == cast.acme.public_id

    @pytest.mark.parametrize("at", ["after", "before.", "nonsense", "after.ORG-'", "last.x"])
    def test_an_invalid_address_shows_the_first_page(self, show: Show, cast: Cast, at: str) -> None:
        assert len(listed_ids(show("organizations", cast.oda, at=at))) == 2

    def test_members_do_not_see_it(self, show: Show, cast: Cast) -> None:
        screen = show("organizations", cast.olga, q="otto")
        assert listed_ids(screen) == [cast.acme.public_id]


class TestFlag:
    def test_sales_flag_the_selected_ones(self, show: Show, cast: Cast) -> None:
        screen = select_rows(show("organizations", cast.sam), [1])
        assert "**1 selected** of 2 organizations" in text_of(screen)
        screen.button(key="flag-organizations").click().run()
        screen.text_input(key="flag.next_step").set_value("Call Olga")
        screen.button(key="flag-submit").click().run()
        assert not screen.exception
        with db.read() as session:
            acme = session.get_one(Organization, cast.acme.id)
        assert (acme.stage, acme.rep_id) == (Stage.ONBOARDING, cast.sam.user_id)
        assert acme.next_step == "Call Olga"

    def test_refused_ones_are_listed_with_the_reason(self, show: Show, cast: Cast) -> None:
        move(cast.sam, cast.acme.id, Stage.PRODUCTION)
        screen = select_rows(show("organizations", cast.sam), [0, 1])
        screen.button(key="flag-organizations").click().run()
        screen.button(key="flag-submit").click().run()
        assert "1 organization is in onboarding. Not flagged:" in text_of(screen)
        assert "**Acme**" in text_of(screen)

    def test_a_selection_never_acts_on_another_row(self, show: Show, cast: Cast) -> None:
        screen = select_rows(show("organizations", cast.sam), [0])
        add_many(1)  # a new one comes to stand in the first row
        screen.run()
        assert "selected" not in text_of(screen)

    def test_ops_select_nothing(self, show: Show, cast: Cast) -> None:
        screen = show("organizations", cast.oda)
        assert not [button for button in screen.button if button.key == "flag-organizations"]


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
        screen.run().toggle(key="deleted").set_value(True).run()
        assert listed_ids(screen) == [cast.acme.public_id]
        select_rows(screen, [0]).button(key="restore-organization").click().run()
        assert listed_ids(screen) == []
        screen.toggle(key="deleted").set_value(False).run()
        assert sorted(listed_ids(screen)) == sorted([cast.acme.public_id, cast.otto_ltd.public_id])

    def test_others_cannot(self, show: Show, cast: Cast) -> None:
        screen = show("organizations", cast.sam)
        screen.session_state["filters"] = True
        screen.run()
        assert "activity" in [choice.key for choice in screen.selectbox]
        assert "deleted" not in [toggle.key for toggle in screen.toggle]


class TestOverview:
    def test_it_shows_the_state(self, show: Show, cast: Cast) -> None:
        move(cast.sam, cast.acme.id, Stage.ONBOARDING)
        told = text_of(show("overview", cast.olga, org=cast.acme.public_id))
        assert "Acme" in told
        assert cast.acme.public_id in told
        assert "5 of 5 checks left before preproduction" in told
        assert "owner **1**" in told
        assert "0 pending invitations" in told
        assert "Contact sales@" in told.replace("\\", "").replace(":small[]", "")

    def test_members_read_and_owners_act(self, show: Show, cast: Cast) -> None:
        labels = {
            person: [b.label for b in show("overview", actor, org=cast.acme.public_id).button]
            for person, actor in (("olga", cast.olga), ("mia", cast.mia))
        }
        assert {"Edit profile", "Invite user"} <= set(labels["olga"])
        assert not {"Edit profile", "Invite user"} & set(labels["mia"])

    def test_outsiders_are_told_where_to_go(self, show: Show, cast: Cast) -> None:
        told = text_of(show("overview", cast.otto, org=cast.acme.public_id))
        assert "Organization not found" in told
        assert "Acme" not in told

    @pytest.mark.parametrize(
        "name", ["![x](http://x.example)", ":red[*a*]", "<b>A & B</b>", "東京"]
    )
    def test_names_are_shown_literally(self, show: Show, cast: Cast, name: str) -> None:
        rename(cast.acme.id, name)
        screen = show("overview", cast.olga, org=cast.acme.public_id)
        assert screen.title[0].value.replace("\\", "").replace("\u2060", "") == name
        assert listed_ids(show("organizations", cast.olga)) == [cast.acme.public_id]


def move(actor: Actor, org_id: int, to: Stage) -> None:
    with db.transaction() as session:
        org = session.get_one(Organization, org_id)
        org.stage = to
        history.record(session, actor, org, "stage.moved", org)


def rename(org_id: int, name: str) -> None:
    with db.Session(db.writing_engine()) as session, session.begin():
        session.get_one(Organization, org_id).name = name
