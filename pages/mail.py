"""Mail: what Orgdesk has to send, sent, or could not send, for administrators."""

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
        "There is no mail server yet, so every mail waits here. Open one to pass its link on, or "
        "set SMTP_URL and start Orgdesk again to have them sent.",
        icon=":material/outbox:",
    )

with db.read() as session:
    counts = administration.counts(session, actor)
recipient, states, page = outbox.draw_filter(counts)

with db.read() as session:
    found = administration.table(session, actor, states=states, recipient=recipient, page=page)

shown = found.head(administration.PER_PAGE)
if not sum(counts.values()):
    elements.empty_state(
        "mail", "No mails yet", "Invitations, confirmations and alerts will stand here."
    )
elif shown.empty:
    elements.empty_state(
        "search_off", "No such mail", "Try another address, another state or page 1."
    )
else:
    outbox.draw_table(shown)
    more = ", older ones follow" if len(found) > len(shown) else ""
    words = f"{ui.count(len(shown), 'mail')}, page {page}{more}"
    outbox.draw_foot(actor, words, recipient, counts)

ui.draw_dialog("mail", "Mail", outbox.draw_mail, actor, width="medium")
