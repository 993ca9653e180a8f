"""Tables as the address asks for them: `?rows=200&page=2&letters=off`; what is asked is shown."""

from importlib import import_module

import pandas as pd
import streamlit as st

from core.base import clock
from core.models import Role
from pages import ui
from pages.ui.column import ROLES
from tests.browser.table_app import texts

table = import_module("pages.ui.table")  # `ui.table` is its function
number = int(st.query_params.get("rows", "8"))
page, per_page = ui.page_number(), 50
has_letters = "letters" not in st.query_params
table.has_letter_keys = lambda: has_letters

if st.query_params.get("opened"):
    st.title("Opened")
    st.stop()

st.title("Tables")
if st.button("Change a row"):
    st.session_state["changed"] = True
names = [texts.name_of(at) for at in range(number)]
people = pd.DataFrame(
    {
        "id": range(1, number + 1),
        "name": names,
        "email": [f"person{at}@example.com" for at in range(1, number + 1)],
        "role": [list(Role)[at % 3] for at in range(number)],
        "share": [at % 101 for at in range(number)],
        "href": [f"/?opened={at}&rows={number}" for at in range(1, number + 1)],
        "seen": [clock.now() - pd.Timedelta(hours=at) for at in range(number)],
    }
)
people["seen"] = pd.to_datetime(people["seen"], utc=True)
if "changed" in st.session_state and number:
    people = people.drop(index=0).reset_index(drop=True)
    people.loc[0, "email"] = "changed@example.com"
if st.query_params.get("sort") == "-name":
    people = people.iloc[::-1]
shown = people.iloc[(page - 1) * per_page : page * per_page]

asked = ui.table(
    shown,
    {
        "name": ui.column.link(
            "Name", href="href", seed="id", sort="name", reverse="-name", width=220
        ),
        "email": ui.column.text("Email"),
        "role": ui.column.choice(
            "Role", ROLES, options=list(Role), action="role", width=124, phone="end"
        ),
        "share": ui.column.meter("Profile", width=120, phone="hide"),
        "seen": ui.column.moment("Last seen", width=112),
    },
    key="people",
    label="People",
    actions=[
        ui.Action("look", "Quick view", "visibility", shows="icon"),
        ui.Action("rename", "Rename", "edit"),
        ui.Action("delete", "Delete", "delete"),
    ],
    row_action="look",
    bulk=[
        ui.Action("copy", "Copy addresses", "content_copy", copies="email"),
        ui.Action("remove", "Remove", "person_remove", takes_all=True),
    ],
    sort=st.query_params.get("sort", "name"),
    paging=ui.numbered_pages(page, per_page, len(people), "person", "people"),
    empty=("No one here", "Invite someone."),
)
if asked:
    rows = " ".join(str(row) for row in asked.rows)
    rows = f"all but {rows or 'none'}" if asked.is_all else rows
    st.session_state["asked"] = f"asked: {asked.action} {rows} {asked.value}".strip()
if asked.action == "look":

    @st.dialog("Quick view")
    def look() -> None:
        st.text(asked.record["email"])

    look()
st.text(st.session_state.get("asked", "asked: nothing"))
