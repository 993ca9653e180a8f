"""Two-factor as a person sets it up, replaces the device, makes recovery codes, turns it off."""

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
"""Where the session state keeps new recovery codes until they have been read."""
_FEW: Final = 3
_ELSEWHERE: Final = ("account", "invitation", "confirm_alert")
"""Pages that staff without two-factor sees all the same."""


def is_due(page: str) -> bool:
    """Return whether this page waits until its reader, who is staff, has set up two-factor."""
    here = authentication.signed_in()
    if here is None or page in _ELSEWHERE:
        return False
    return here.lacks_two_factor or _CODES in st.session_state


def require(actor: Actor) -> None:
    """Draw the set-up in place of the page that was asked for, which follows once it is done."""
    here = authentication.signed_in()
    assert here is not None
    with db.read() as session:
        state = two_factor.get_state(session, actor)
    is_reading = _CODES in st.session_state
    st.title("Recovery codes" if is_reading else "Set up two-factor", anchor=False)
    if _CODES not in st.session_state:
        st.markdown(
            "You are staff: besides your password, a code from an app on your phone is asked."
        )
    draw(actor, state, here)
    if _CODES not in st.session_state:
        with elements.row(key="two-factor-out"):
            st.page_link("account.py", label="User Settings")
            st.space("stretch")
            if st.button("Log out", key="two-factor-log-out", type="tertiary"):
                authentication.log_out()


def draw(actor: Actor, state: State, here: SignedIn) -> None:
    """Draw how it stands with the person's two-factor, and what comes next."""
    if _CODES in st.session_state:
        _draw_codes(st.session_state[_CODES])
    elif state.pending_secret:
        _draw_offer(actor, state, here)
    elif state.since is not None:
        _draw_state(state)
    else:
        if not state.is_staff:
            st.markdown(
                "Besides your password, a code from an authenticator app is asked. "
                "Nobody gets in with your password alone."
            )
        if st.button("Set up two-factor", key="two-factor-begin", type="primary"):
            told = "Scan the picture with your authenticator app."
            save(told, two_factor.begin_setup, actor, totp.new_secret())


def _draw_offer(actor: Actor, state: State, here: SignedIn) -> None:
    secret = state.pending_secret or ""
    uri = totp.provisioning_uri(secret, here.email)
    st.markdown("**1.** Scan this with an authenticator app, or type the key into it.")
    with elements.row(key="two-factor-key", gap="medium"):
        st.image(_picture(uri), width=168, alt="QR code for an authenticator app")
        with st.container(width=200, gap="xxsmall"):
            st.markdown(quiet("Key"))
            st.code(totp.format_secret(secret), language=None, wrap_lines=True)
    st.markdown("**2.** Type the code that the app shows now.")
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
        save("Your two-factor stays as it was.", two_factor.cancel_setup, actor)


def _picture(uri: str) -> str:
    """Return the address of a QR code, dark on white in either theme."""
    return segno.make(uri, error="m").svg_data_uri(scale=4, border=3, light="#fff")


def _draw_codes(codes: list[str]) -> None:
    st.markdown(
        "**Keep these recovery codes.** Each lets you in once when your phone is not at hand. "
        "They are not shown again."
    )
    text = "\n".join(codes)
    st.code(text, language=None)
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
        if st.button("I have kept them", key="two-factor-kept", type="primary"):
            del st.session_state[_CODES]
            authentication.renew()


def _draw_state(state: State) -> None:
    assert state.since is not None
    left = f"{count(state.codes_left, 'recovery code')} left"
    with elements.row():
        st.badge("On", color="green", icon=":material/verified_user:")
        st.markdown(quiet(f"Since {day(state.since)}, {left}."))
    if state.codes_left <= _FEW:
        st.markdown("Make new recovery codes, or a lost phone locks you out.")
    with elements.row(key="two-factor-actions"):
        st.button("Replace device", key="two-factor-replace", on_click=_open, args=("replace",))
        label = "New recovery codes"
        st.button(label, key="two-factor-new-codes", on_click=_open, args=("codes",))
        if not state.is_staff:
            st.button("Turn off", key="two-factor-off", on_click=_open, args=("off",))


def _open(what: str) -> None:
    open_dialog(f"two-factor-{what}")


def draw_dialogs(actor: Actor) -> None:
    """Draw whichever dialog is open; each asks for the password once more."""
    draw_dialog("two-factor-replace", "Replace device", _replace, actor)
    draw_dialog("two-factor-codes", "New recovery codes", _make_codes, actor)
    draw_dialog("two-factor-off", "Turn off two-factor", _turn_off, actor)


def _replace(actor: Actor) -> None:
    st.markdown("You scan a new picture. The device before works until that is done.")
    with form("replace-device") as drawn:
        password = drawn.current_password("Your password")
        pressed = drawn.submit("Go on")
    if pressed and drawn.prepare(authentication.verify_password, actor, password):
        told = "Scan the picture with your new device."
        drawn.save(told, two_factor.begin_setup, actor, totp.new_secret())


def _make_codes(actor: Actor) -> None:
    st.markdown("You get ten new ones. Those before stop working at once.")
    with form("make-codes") as drawn:
        password = drawn.current_password("Your password")
        pressed = drawn.submit("Make new codes")
    if pressed and drawn.prepare(authentication.verify_password, actor, password):
        codes = totp.new_recovery_codes()
        if drawn.change(two_factor.replace_recovery_codes, actor, codes):
            st.session_state[_CODES] = codes
            close_dialog()
            st.rerun()


def _turn_off(actor: Actor) -> None:
    st.markdown("From then on your password alone lets you in, and whoever learns it.")
    with form("turn-off") as drawn:
        password = drawn.current_password("Your password")
        pressed = drawn.submit("Turn off")
    if pressed and drawn.prepare(authentication.verify_password, actor, password):
        drawn.save("Two-factor is off.", two_factor.turn_off, actor)
