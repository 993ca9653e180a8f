"""Two-factor in User Settings: setup, device, recovery codes, and turning it off."""

from typing import Final

import segno
import streamlit as st

from core.access.permissions import Actor
from core.accounts import totp, two_factor
from core.accounts.sessions import SignedIn
from core.accounts.two_factor import State
from core.database import db
from pages.ui import authentication, elements
from pages.ui.dialogs import close_dialog, draw_dialog, open_dialog
from pages.ui.forms import form, save
from pages.ui.text import count, day, quiet

_CODES: Final = "recovery codes"
"""The session state key of new recovery codes until the person has saved them."""
_FEW_CODES: Final = 3
_SET_UP: Final = "Set up two-factor"
_EXEMPT_PAGES: Final = ("account", "invitation", "confirm_alert")
"""Pages that staff can open without two-factor."""


def is_setup_required(page: str) -> bool:
    """Return whether staff must set up two-factor before seeing this page."""
    here = authentication.signed_in()
    if here is None or page in _EXEMPT_PAGES:
        return False
    return here.lacks_two_factor or _CODES in st.session_state


def draw_required_setup(actor: Actor) -> None:
    """Draw the setup in place of the requested page, which opens once it is done."""
    here = authentication.signed_in()
    assert here is not None
    with db.read() as session:
        state = two_factor.get_state(session, actor)
    has_codes = _CODES in st.session_state
    st.title("Recovery codes" if has_codes else _SET_UP, anchor=False)
    if _CODES not in st.session_state:
        st.markdown(
            "Staff accounts need two-factor: a code from an app on your phone as well as your "
            "password."
        )
    draw(actor, state, here)
    draw_dialogs(actor)
    if _CODES not in st.session_state:
        with elements.row(key="two-factor-out"):
            st.page_link("account.py", label="User Settings")
            st.space("stretch")
            if st.button("Log out", key="two-factor-log-out", type="tertiary"):
                authentication.log_out()


def draw(actor: Actor, state: State, here: SignedIn) -> None:
    """Draw the person's two-factor settings, or the next step of the setup."""
    if _CODES in st.session_state:
        _draw_codes(st.session_state[_CODES])
    elif state.pending_secret:
        _draw_setup(actor, state, here)
    elif state.since is not None:
        _draw_state(state)
    else:
        if not state.is_staff:
            st.markdown(
                "Ask for a code from an authenticator app as well as your password. "
                "Your password alone is then not enough to log in."
            )
        if st.button(_SET_UP, key="two-factor-begin", type="primary"):
            open_dialog("two-factor-set-up")


def _draw_setup(actor: Actor, state: State, here: SignedIn) -> None:
    secret = state.pending_secret or ""
    uri = totp.provisioning_uri(secret, here.email)
    st.markdown("**1.** Scan this with an authenticator app, or type the key into it.")
    with elements.row(key="two-factor-key", gap="medium"):
        st.image(_qr_code(uri), width=168, alt="QR code for an authenticator app")
        with st.container(width=200, gap="xxsmall"):
            st.markdown(quiet("Key"))
            elements.code_block(totp.format_secret(secret), "Copy key", key="two-factor-secret")
    st.markdown("**2.** Enter the code your app shows.")
    with form("two-factor") as drawn:
        code = drawn.field(
            st.text_input, "code", "Code", autocomplete="one-time-code", hint="Six digits."
        )
        pressed = drawn.submit("Turn on two-factor")
    if pressed:
        codes = totp.new_recovery_codes()
        if drawn.change(two_factor.confirm_setup, actor, code, codes, session_id=here.session_id):
            st.session_state[_CODES] = codes
            st.rerun()
    may_cancel = state.since is not None or not state.is_staff
    if may_cancel and st.button("Cancel", key="two-factor-cancel", type="tertiary"):
        save("Two-factor not changed", two_factor.cancel_setup, actor)


def _qr_code(uri: str) -> str:
    """Return a QR code as a data URI, dark on white in either theme."""
    return segno.make(uri, error="m").svg_data_uri(scale=4, border=3, light="#fff")


def _draw_codes(codes: list[str]) -> None:
    st.markdown(
        "**Save these recovery codes.** Each one works once if you don't have your phone. "
        "You won't see them again."
    )
    text = "\n".join(codes)
    elements.code_block(text, "Copy recovery codes", key="recovery-codes")
    with elements.row(key="two-factor-keeping"):
        st.download_button(
            "Download",
            f"Recovery codes for Orgdesk, each works once\n\n{text}\n",
            "orgdesk-recovery-codes.txt",
            mime="text/plain",
            icon=":material/download:",
            key="two-factor-download",
            on_click="ignore",
        )
        if st.button("I saved them", key="two-factor-kept", type="primary"):
            del st.session_state[_CODES]
            authentication.renew()


def _draw_state(state: State) -> None:
    assert state.since is not None
    left = f"{count(state.codes_left, 'recovery code')} left"
    with elements.row():
        st.badge("On", color="green", icon=":material/verified_user:")
        st.markdown(quiet(f"Since {day(state.since)}, {left}."))
    if state.codes_left <= _FEW_CODES:
        start = f"Only {state.codes_left}" if state.codes_left else "No"
        codes = "recovery code" if state.codes_left == 1 else "recovery codes"
        st.markdown(f"{start} {codes} left. Create new ones so a lost phone doesn't lock you out.")
    with elements.row(key="two-factor-actions"):
        st.button("Replace device", key="two-factor-replace", on_click=_open, args=("replace",))
        label = "New recovery codes"
        st.button(label, key="two-factor-new-codes", on_click=_open, args=("codes",))
        if not state.is_staff:
            st.button("Turn off", key="two-factor-off", on_click=_open, args=("off",))


def _open(what: str) -> None:
    open_dialog(f"two-factor-{what}")


def draw_dialogs(actor: Actor) -> None:
    """Draw the open dialog, if any; each asks for the password."""
    draw_dialog("two-factor-set-up", _SET_UP, _begin, actor)
    draw_dialog("two-factor-replace", "Replace device", _replace, actor)
    draw_dialog("two-factor-codes", "New recovery codes", _replace_codes, actor)
    draw_dialog("two-factor-off", "Turn off two-factor", _turn_off, actor)


def _begin(actor: Actor) -> None:
    st.markdown("You'll scan a QR code with an authenticator app on your phone.")
    _draw_begin_form("set-up-two-factor", "Scan the QR code with your authenticator app", actor)


def _replace(actor: Actor) -> None:
    st.markdown("You'll scan a new QR code. Your current device keeps working until then.")
    _draw_begin_form("replace-device", "Scan the QR code with your new device", actor)


def _draw_begin_form(name: str, notice: str, actor: Actor) -> None:
    """Draw the form that begins the setup of a device."""
    with form(name) as drawn:
        password = drawn.current_password()
        pressed = drawn.submit("Continue")
    if pressed and drawn.prepare(authentication.verify_password, actor, password):
        drawn.save(notice, two_factor.begin_setup, actor, totp.new_secret())


def _replace_codes(actor: Actor) -> None:
    st.markdown("You'll get ten new codes. Your old codes stop working immediately.")
    with form("make-codes") as drawn:
        password = drawn.current_password()
        pressed = drawn.submit("Create new codes")
    if pressed and drawn.prepare(authentication.verify_password, actor, password):
        codes = totp.new_recovery_codes()
        if drawn.change(two_factor.replace_recovery_codes, actor, codes):
            st.session_state[_CODES] = codes
            close_dialog()
            st.rerun()


def _turn_off(actor: Actor) -> None:
    st.markdown("Anyone who knows your password will be able to log in.")
    with form("turn-off") as drawn:
        password = drawn.current_password()
        pressed = drawn.submit("Turn off")
    if pressed and drawn.prepare(authentication.verify_password, actor, password):
        drawn.save("Two-factor turned off", two_factor.turn_off, actor)
