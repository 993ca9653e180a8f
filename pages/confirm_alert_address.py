"""Where the link in the mail to a new alert address leads: a button puts the address in use."""

import streamlit as st

from core.access.permissions import NOBODY
from core.database import db
from core.profile import alert_address
from core.profile.alert_address import AlertLink
from pages import ui
from pages.ui import authentication

ui.open_public_page("Confirm alert address")
actor = authentication.actor() or NOBODY
token = authentication.fragment()
done: AlertLink | None = st.session_state.get(f"confirmed {token}")
form = ui.fields("confirm-alert")


def find(token: str) -> AlertLink:
    with db.read() as session:
        return alert_address.get_alert_link(session, token)


st.title("Confirm alert address", anchor=False)
form.reserve_footer()
if token is None:
    st.skeleton(height=120)
elif done is not None:
    st.markdown(f"From now on alerts about **{ui.esc(done.organization)}** go to")
    st.text(done.email)
    st.markdown("You may close this page.")
elif link := form.prepare(find, token):
    st.markdown(f"Alerts about **{ui.esc(link.organization)}** are to go to")
    st.text(link.email)
    st.markdown(
        "Confirm that you read mail there. If you do not know why you were asked, close this "
        "page: nothing happens."
    )
    if st.button("Confirm address", key="confirm-alert-submit", type="primary"):
        st.session_state[f"confirmed {token}"] = link
        form.save("The address is in use.", alert_address.confirm_alert_email, actor, token)
        del st.session_state[f"confirmed {token}"]
