"""Mail: the outbox, for administrators."""

import streamlit as st

from core.access.permissions import Action
from core.base.settings import settings
from core.database import db
from core.mail import administration
from pages import ui
from pages.parts.staff import outbox
from pages.ui import elements

actor, rights = ui.open_staff_page("Mail", Action.READ_MAIL)

st.title("Mail", anchor=False)
if not settings().smtp_url:
    st.info(
        "No mail server is configured, so emails wait here. Open one and give a reason to get its "
        "link, or set SMTP_URL and restart Orgdesk to send them.",
        icon=":material/outbox:",
    )

with db.read() as session:
    counts = administration.count_by_state(session, actor)
page = ui.page_number()
with elements.row():
    recipient, states = outbox.draw_filter(counts)
    st.space("stretch")
    outbox.draw_retry(actor, recipient, counts)

with db.read() as session:
    found = administration.table(session, actor, states=states, recipient=recipient, page=page)

if sum(counts.values()):
    empty = ("No matching emails", "Try another address, state or page.")
else:
    empty = ("No emails yet", "Invitations, confirmations and alerts appear here.")
outbox.draw_table(found, page, empty)

ui.draw_dialog("mail", "Email", outbox.draw_mail, actor, width="medium")
