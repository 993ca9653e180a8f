"""History of an organization: every change in a sentence, with whom it concerns and why."""

from urllib.parse import urlencode

import streamlit as st

from core.access.permissions import Action
from core.audit import activity
from core.database import db
from pages import ui
from pages.parts.staff import changes
from pages.ui import elements


def draw_receipt() -> None:
    st.link_button(
        "Download receipt",
        elements.absolute_url(f"/download/history/{org.public_id}.json"),
        icon=":material/verified_user:",
        type="tertiary",
        help="The whole history as a signed file, which proves later what it says today.",
    )


actor, org, rights = ui.open_page("History", Action.VIEW_HISTORY)

elements.page_header(org, "History", actions=draw_receipt)
filters = changes.draw_filters("history", f"/download/history/{org.public_id}.csv")

with db.read() as session:
    found = activity.table(session, actor, filters, org_id=org.id, before_id=changes.find_cursor())
    since = activity.find_searchable_since(session, filters)

about = {name: text for name, text in ui.query_about(org.public_id).items() if name != "as_of"}
as_of = f"/overview?{urlencode(about)}&as_of="
changes.draw_entries(actor, found, filters, since, key="history", of_org=org.id, as_of=as_of)
