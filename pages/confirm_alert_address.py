"""Confirm alert address: the page that the link emailed to a new alert address opens."""

import streamlit as st

from core.access.permissions import ANONYMOUS
from core.database import db
from core.profile import alert_address
from core.profile.alert_address import AlertLink
from pages import ui
from pages.ui import authentication, elements

ui.open_public_page("Confirm alert address")
actor = authentication.actor() or ANONYMOUS
token = authentication.fragment()
done: AlertLink | None = st.session_state.get(f"confirmed {token}")
form = ui.fields("confirm-alert")


def get_link(token: str) -> AlertLink:
    with db.read() as session:
        return alert_address.get_alert_link(session, token)


st.title("Confirm alert address", anchor=False)
form.reserve_footer()
if token is None:
    st.skeleton(height=120)
elif done is not None:
    st.markdown(f"Alerts for **{ui.esc(done.organization)}** will now be sent to")
    st.text(done.email)
    st.markdown("You can close this page.")
elif not token:
    elements.missing_link()
elif link := form.prepare(get_link, token):
    st.markdown(f"Alerts for **{ui.esc(link.organization)}** will be sent to")
    st.text(link.email)
    st.markdown(
        "Confirm that this is your address. If you weren't expecting this, close this page and "
        "nothing will change."
    )
    if st.button("Confirm address", key="confirm-alert-submit", type="primary"):
        st.session_state[f"confirmed {token}"] = link
        form.save("Address confirmed", alert_address.confirm_alert_email, actor, token)
        del st.session_state[f"confirmed {token}"]
else:
    st.page_link("home.py", label="Go to Orgdesk", icon=":material/arrow_back:")
