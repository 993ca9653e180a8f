"""The page Duplicates: pairs, two organizations side by side, the merge."""

import pytest
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from core.database import db
from core.duplicates import matching
from core.models import Organization, Stage
from core.organizations import organizations
from core.profile import profile
from tests.pages.conftest import Show, unescaped
from tests.support.cast import Cast
from tests.support.tables import tables

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def pair(cast: Cast) -> Cast:
    """The cast, whose two organizations have one website."""
    for org in (cast.acme, cast.otto_ltd):
        new = {"website": "https://acme.example"}
        db.run(
            profile.save_contact_details, cast.oda, org.id, {"website": ""}, new, reason="By phone."
        )
    phone = {"phone": "+12125550100"}
    db.run(
        profile.save_contact_details,
        cast.oda,
        cast.otto_ltd.id,
        {"phone": ""},
        phone,
        reason="Too.",
    )
    db.run(matching.match_some)
    return cast


def compared(cast: Cast) -> str:
    return f"{cast.acme.public_id}.{cast.otto_ltd.public_id}"


def labels(screen: AppTest) -> list[str]:
    return [each.label for each in screen.button]


def texts(screen: AppTest) -> str:
    return " ".join([unescaped(screen), *(each.value for each in screen.text)])


def press(screen: AppTest, label: str) -> AppTest:
    button = [each for each in screen.button if each.label == label][-1]
    return button.click().run()


def get(cast: Cast) -> Organization:
    with db.read() as session:
        return session.get_one(Organization, cast.acme.id)


def test_nothing_to_merge_is_said(show: Show, cast: Cast) -> None:
    screen = show("duplicates", cast.oda)
    [table] = tables(screen)
    assert table.sent["empty"][0] == "No duplicates found"
    assert not table.ids


def test_pairs_are_listed_with_reasons(show: Show, pair: Cast) -> None:
    [table] = tables(show("duplicates", pair.oda))
    [row] = table.ids
    shown = [table.column(name) for name in table.columns]
    assert shown == [["Acme"], ["Otto Ltd"], ["Same website"], [60]]
    assert table.actions(row) == ["Compare", "Not a duplicate"]
    table.ask("dismiss", row)
    [table] = tables(show("duplicates", pair.oda))
    assert not table.ids


@pytest.mark.parametrize("who", ["sam", "olga"])
def test_it_is_for_those_who_can_merge(show: Show, pair: Cast, who: str) -> None:
    screen = show("duplicates", getattr(pair, who), compare=compared(pair))
    assert "This page is for staff" in [each.value for each in screen.title]
    assert "Acme" not in texts(screen)


def test_what_differs_comes_first_and_empty_fields_are_taken(show: Show, pair: Cast) -> None:
    screen = show("duplicates", pair.oda, compare=compared(pair))
    assert not screen.exception
    [kept] = [each for each in screen.button_group if each.label == "Keep"]
    assert kept.value == pair.acme.public_id  # it has more members
    boxes = {each.label: each.value for each in screen.checkbox}
    assert boxes == {f"Take from {pair.otto_ltd.public_id}": True}
    assert len(screen.checkbox) == 2
    assert f"Merge into {pair.acme.public_id}" in labels(screen)


def test_a_merge_takes_the_id_of_the_one_that_stays(show: Show, pair: Cast) -> None:
    screen = show("duplicates", pair.oda, compare=compared(pair))
    label = f"Merge into {pair.acme.public_id}"
    press(screen, label)
    assert f"1 person is in {pair.otto_ltd.public_id} only" in texts(screen)
    screen.text_input(key="merge.typed").input(pair.otto_ltd.public_id)
    screen.text_input(key="merge.reason").input("Registered twice.")
    press(screen, label)
    assert "the ID of the one that stays" in texts(screen)
    assert get(pair).phone is None
    screen.text_input(key="merge.typed").input(f" {pair.acme.public_id.lower()}")
    press(screen, label)
    assert not screen.exception
    assert get(pair).phone == "+12125550100"
    assert get(pair).name == "Acme"
    with db.read() as session:
        merged = session.get_one(Organization, pair.otto_ltd.id)
        assert merged.merged_into == pair.acme.id


def test_the_other_direction_can_be_chosen(show: Show, pair: Cast) -> None:
    screen = show("duplicates", pair.oda, compare=compared(pair))
    [kept] = [each for each in screen.button_group if each.label == "Keep"]
    kept.set_value(pair.otto_ltd.public_id).run()
    assert f"Merge into {pair.otto_ltd.public_id}" in labels(screen)
    boxes = {each.label: each.value for each in screen.checkbox}
    assert boxes == {f"Take from {pair.acme.public_id}": False}  # the name, which stays


def test_a_pair_that_is_none_leaves_the_list_and_comes_back(show: Show, pair: Cast) -> None:
    screen = show("duplicates", pair.oda, compare=compared(pair))
    press(screen, "Not a duplicate")
    [table] = tables(show("duplicates", pair.oda))
    assert not table.ids
    screen = show("duplicates", pair.ada, compare=compared(pair))
    assert "Marked as not duplicates by Oda" in texts(screen)
    assert "Not a duplicate" not in labels(screen)
    press(screen, "List again")
    [table] = tables(show("duplicates", pair.oda))
    assert len(table.ids) == 1


@pytest.mark.parametrize("address", ["", ".", "ORG-NOPE", "{acme}.{acme}", "{acme}.ORG-234567Z"])
def test_an_address_of_no_pair_is_explained(show: Show, pair: Cast, address: str) -> None:
    screen = show("duplicates", pair.oda, compare=address.format(acme=pair.acme.public_id) or " ")
    assert not screen.exception
    assert "never existed" in texts(screen)


def test_a_refused_merge_says_why(show: Show, pair: Cast) -> None:
    with db.transaction() as session:
        session.execute(
            update(Organization)
            .where(Organization.id == pair.otto_ltd.id)
            .values(stage=Stage.PRODUCTION)
            .execution_options(unrecorded=True)
        )
    screen = show("duplicates", pair.oda, compare=compared(pair))
    [kept] = [each for each in screen.button_group if each.label == "Keep"]
    assert kept.value == pair.otto_ltd.public_id
    kept.set_value(pair.acme.public_id).run()
    label = f"Merge into {pair.acme.public_id}"
    press(screen, label)
    screen.text_input(key="merge.typed").input(pair.acme.public_id)
    screen.text_input(key="merge.reason").input("Registered twice.")
    press(screen, label)
    assert "is in production, so it stays" in texts(screen)


def test_long_and_hostile_names_are_shown_letter_by_letter(show: Show, pair: Cast) -> None:
    name = "*Mayo* [Clinic](https://x) <b>" + "y" * 40
    with db.transaction() as session:
        session.execute(
            update(Organization)
            .where(Organization.id == pair.acme.id)
            .values(name=name)
            .execution_options(unrecorded=True)
        )
    screen = show("duplicates", pair.oda, compare=compared(pair))
    assert name in texts(screen)


def test_what_many_share_is_counted(show: Show, cast: Cast) -> None:
    for number in range(matching.MAX_GROUP + 1):
        made = db.run(organizations.create, cast.otto, f"Door {number}")
        with db.transaction() as session:
            session.execute(
                update(Organization)
                .where(Organization.id == made.id)
                .values(website="https://door.example")
                .execution_options(unrecorded=True)
            )
    db.run(matching.match_some)
    pairs, shared = tables(show("duplicates", cast.oda))
    assert not pairs.ids
    assert [shared.column(each) for each in shared.columns] == [["door.example"], ["Website"], [11]]
