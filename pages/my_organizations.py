"""Organizations, for everyone but staff: those that a person is a member of, at most 400."""

import pandas as pd
import streamlit as st

from core.database import db
from core.models import Role, Stage
from core.organizations import organizations
from core.organizations.worklist import OWN
from pages import ui
from pages.parts.members import waiting_invitations
from pages.parts.organizations import create, quick_view, summary, worklist
from pages.ui import elements

MIN_FOR_SEARCH = 10

actor = ui.open_signed_in_page("Organizations")
with db.read() as session:
    mine = organizations.list_mine(session, actor)

with elements.row(key="organizations-head"):
    st.title("Organizations", anchor=False, width="stretch")
    create.draw_create(actor)
waiting_invitations.draw(actor)

# The summary: in how many organizations of each stage the person has which role.
if len(mine) > 1:
    stage = pd.Categorical(mine["stage"], list(Stage))
    role = pd.Categorical(mine["role"], list(Role))
    by_stage = pd.crosstab(stage, role, rownames=["stage"], colnames=["role"], dropna=False)
    save = summary.save(actor)
    ui.summary(by_stage, "Your roles by stage", bars=summary.ROLES, has_total=True, save=save)

found, total = mine, len(mine)
if total > MIN_FOR_SEARCH:
    words = elements.search_field("Search name or ID")
    found = organizations.search_mine(mine, words)

rest = worklist.displayed_query(OWN)
asked = ui.table(
    found.assign(href="/overview?org=" + found["public_id"]),
    {
        "name": ui.column.link("Name", href="href", seed="public_id", logo="logo", rest=rest),
        "role": ui.column.role(),
        "stage": ui.column.stage(phone="detail"),
        "member_count": ui.column.number("Members", width=92, prefix="Members "),
        "owners": ui.column.number("Owners", width=80, phone="hide"),
        "pending": ui.column.number("Pending", width=84, phone="hide"),
        "created_at": ui.column.moment("Created", shows="day", width=112, phone="hide"),
        "public_id": ui.column.text("Organization ID", width=124, is_code=True, phone="hide"),
    },
    key="organizations-mine",
    label="Organizations",
    actions=[ui.Action("look", "Quick view", "right_panel_open", shows="icon")],
    row_action="look",
    focus=quick_view.last_seen(),
    paging=ui.Paging(total, f"{len(found):,} of {ui.count(total, 'organization')}"),
    empty=(
        ("No matches", "Search by a part of the name or the ID.")
        if total
        else ("No organizations yet", "Create one, or open the invitation link in your email.")
    ),
)
if asked.action == "look":
    pairs = zip(found["id"].tolist(), found["public_id"].tolist(), strict=True)
    rows = [quick_view.Listed(*pair, query=rest) for pair in pairs]
    quick_view.open_quick_view(asked.row, rows)
quick_view.draw_quick_view(actor)
