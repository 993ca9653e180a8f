"""Forms that show each error below its field, and keep what was typed until it is saved.

What is typed or chosen goes to the person's drafts in the browser (`assets/forms.js`). A field that
is drawn anew, after a look at another page, a reload or another login, is filled with its draft.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import streamlit as st
from sqlalchemy.orm import Session
from streamlit.delta_generator import DeltaGenerator

from core.access.permissions import ANONYMOUS, Actor
from core.accounts import drafts
from core.base.errors import DomainError, InvalidInput, Unavailable
from core.base.settings import settings
from core.database import change_tracking, db
from core.models import Draft
from pages.ui import authentication, dialogs, draft_values, last_act, rerun_cache
from pages.ui.open_page import count_visits, ensure_signed_in, show_notice
from pages.ui.text import quiet, refusal

P = ParamSpec("P")
R = TypeVar("R")


class Form:
    """Fields that are saved together, made by `form` or `fields`; keys are `<form>.<field>`."""

    def __init__(self, name: str, *, remembers: bool = False) -> None:
        self.name = name
        self._remembers = remembers
        self._values: dict[str, object] = {}
        self._below: dict[str, DeltaGenerator] = {}
        self._footer: DeltaGenerator | None = None
        self.error: DomainError | None = None
        """The refusal of the last save, for pages that show more of it than its sentence."""
        self._has_draft = False
        self._begin()

    def _begin(self) -> None:
        """Start from the draft with new fields if the page, or what the form is about, changed.

        Streamlit may not have dropped the old fields yet, nor have learned what was typed last.
        """
        drawn = (count_visits(), self._draft_name)
        if st.session_state.get(f"{self.name} drawn", drawn) != drawn:
            self.empty()
        st.session_state[f"{self.name} drawn"] = drawn

    def key(self, field: str) -> str:
        """Return the widget key of a field; `reset` changes it, which empties the field."""
        number = st.session_state.get(self._resets_key, 0)
        return f"{self.name}.{field}.{number}" if number else f"{self.name}.{field}"

    @property
    def _resets_key(self) -> str:
        return f"{self.name} resets"

    def field(
        self, widget: Callable[..., Any], name: str, label: str, *, hint: str = "", **options: Any
    ) -> Any:
        """Draw a widget with a hint below it, which an error replaces, and return its value."""
        with st.container(key=f"{self.name}-{name}", gap="xxsmall"):
            if draft_values.is_kept(widget) and not drafts.is_secret(name):
                self._restore(widget, name, options)
            value = widget(label, key=self.key(name), **options)
            self._below[name] = st.empty()
        self._values[name] = value
        error = self._remembered().get(name)
        if error is not None and error[0] == value:
            self._below[name].markdown(refusal(error[1]))
        elif hint:
            self._below[name].markdown(quiet(hint))
        return value

    def new_password(self, name: str, label: str, *, also: str = "") -> str:
        """Draw a field for a new password, which password managers offer to generate."""
        minimum = settings().password_minimum
        hint = f"At least {minimum} characters. Four or five unrelated words work well."
        typed: str = self.field(
            st.text_input,
            name,
            label,
            type="password",
            autocomplete="new-password",
            hint=f"{hint} {also}".strip(),
        )
        return typed

    def current_password(self, label: str = "Password", *, hint: str = "") -> str:
        """Draw the field `password` for the current password, which password managers fill in."""
        typed: str = self.field(
            st.text_input,
            "password",
            label,
            type="password",
            autocomplete="current-password",
            hint=hint,
        )
        return typed

    def submit(
        self,
        label: str,
        *,
        kind: Literal["primary", "secondary", "tertiary"] = "primary",
        width: Literal["stretch", "content"] = "content",
        can_cancel: bool = True,
        **options: Any,
    ) -> bool:
        """Draw the submit button, with `Cancel` in a dialog; return whether it was just pressed."""
        self._footer = st.empty()
        key = f"{self.name}-submit"
        if not (can_cancel and dialogs.is_inside()):
            return st.form_submit_button(label, key=key, type=kind, width=width, **options)
        with st.container(horizontal=True, gap="xsmall", key=f"form-actions-{self.name}"):
            is_pressed = st.form_submit_button(label, key=key, type=kind, width=width, **options)
            if st.form_submit_button("Cancel", key=f"{self.name}-cancel"):
                self.cancel()
        return is_pressed

    def buttons(
        self,
        label: str,
        *,
        key: str = "",
        disabled: bool = False,
        on_cancel: Callable[[], None] = dialogs.close_dialog,
    ) -> bool:
        """Draw the button that saves `fields`, and `Cancel`; return whether it was just pressed."""
        self.reserve_footer()
        key = key or f"{self.name}-save"
        with st.container(horizontal=True, gap="xsmall", key=f"form-actions-{self.name}"):
            is_pressed = st.button(label, key=key, type="primary", disabled=disabled)
            if st.button("Cancel", key=f"{self.name}-cancel"):
                self.cancel(on_cancel)
        return is_pressed

    def reserve_footer(self) -> None:
        """Reserve space for errors that concern no single field, in a form without `submit`."""
        self._footer = st.empty()

    def prepare(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
        """Do slow work, such as hashing, before the transaction; None if it was refused."""
        try:
            return work(*args, **kwargs)
        except DomainError as error:
            self.show_error(error)
            return None

    def save(
        self,
        notice: str,
        use_case: Callable[Concatenate[Session, Actor, P], R],
        actor: Actor,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Run a use case, then show a notice and rerun; if it is refused, show its errors."""
        try:
            change(self._discarding_draft(use_case), actor, *args, **kwargs)
        except DomainError as error:
            self.show_error(error)
        else:
            self.empty()
            dialogs.close_dialog()
            show_notice(notice)
            st.session_state[f"{self.name} saved"] = notice
            st.rerun()

    def change(
        self,
        use_case: Callable[Concatenate[Session, Actor, P], R],
        actor: Actor,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R | None:
        """Run a use case and return its result; None if it was refused."""
        return self.prepare(change, use_case, actor, *args, **kwargs)

    def reset(self) -> None:
        """Empty all fields in the next rerun, and discard what was typed."""
        if (actor := authentication.actor()) is not None:
            change(drafts.discard, actor, self._draft_name)
        self.empty()

    def cancel(self, close: Callable[[], None] = dialogs.close_dialog) -> None:
        """Discard what was typed, close the dialog or what else the form is in, and rerun."""
        self.reset()
        close()
        st.rerun()

    def empty(self) -> None:
        """Empty all fields in the next rerun; what was typed is kept as a draft."""
        st.session_state[self._resets_key] = st.session_state.get(self._resets_key, 0) + 1

    def find_draft(self) -> Draft | None:
        """Return what this person typed before and did not save, if anything."""
        actor = authentication.actor()
        found = rerun_cache.cached(_list_drafts, actor) if actor is not None else {}
        return found.get(self._draft_name)

    def _restore(self, widget: Callable[..., Any], name: str, options: dict[str, Any]) -> None:
        """Fill a field that is drawn anew with its draft."""
        self._has_draft = True
        key = self.key(name)
        if key in st.session_state:
            return
        draft = self.find_draft()
        if draft is not None and name in draft.texts:
            draft_values.fill(widget, key, draft.texts[name], options)

    @property
    def _draft_name(self) -> str:
        """The name of the form, and what it is about; `assets/forms.js` puts it together, too."""
        parts = (self.name, st.query_params.get("org", ""), dialogs.find_about())
        return " ".join(part for part in parts if part)

    def _discarding_draft(
        self, use_case: Callable[Concatenate[Session, Actor, P], R]
    ) -> Callable[Concatenate[Session, Actor, P], R]:
        """Return the use case, followed by the end of the draft in the same transaction."""

        def save(session: Session, actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> R:
            result = use_case(session, actor, *args, **kwargs)
            if self._has_draft and actor is not ANONYMOUS:
                drafts.discard(session, actor, self._draft_name)
            return result

        return save

    def show_error(self, error: DomainError) -> None:
        """Show a refusal: below the fields that it names, the rest in the footer."""
        self.error = error
        if self._remembers and isinstance(error, InvalidInput):
            st.session_state[self.key("refused")] = {
                field: (self._values.get(field), why) for field, why in error.fields.items()
            }
        fields = error.fields if isinstance(error, InvalidInput) else {"": str(error)}
        unplaced = []
        for field, sentence in fields.items():
            if field in self._below:
                self._below[field].markdown(refusal(sentence))
            else:
                unplaced.append(sentence)
        if unplaced:
            footer = self._footer if self._footer is not None else st.empty()
            footer.markdown(refusal(" ".join(unplaced)))

    def set_error(self, field: str, sentence: str) -> None:
        """Show an error below a field, in place of its hint or of another error."""
        self._below[field].markdown(refusal(sentence))

    def _remembered(self) -> dict[str, tuple[object, str]]:
        """Return the last errors by field, each with the value that was refused."""
        kept: dict[str, tuple[object, str]] = st.session_state.get(self.key("refused"), {})
        return kept if self._remembers else {}


def _list_drafts(actor: Actor) -> Mapping[str, Draft]:
    with db.read() as session:
        return drafts.list_drafts(session, actor)


@contextmanager
def form(name: str, *, border: bool = False) -> Iterator[Form]:
    """Draw a form whose fields are submitted together."""
    with st.form(name, border=border, enter_to_submit=True):
        yield Form(name)


def saved_notice(name: str) -> str | None:
    """Return the notice of the last save of this form in this session, if any."""
    notice: str | None = st.session_state.get(f"{name} saved")
    return notice


def reset_button(name: str, label: str) -> None:
    """Draw a button that shows the form again after it has been saved."""
    forget, saved = st.session_state.pop, f"{name} saved"
    st.button(label, key=f"{name}-again", type="tertiary", on_click=forget, args=(saved, None))


def fields(name: str) -> Form:
    """Return a form whose widgets rerun the page as they change; its button is an ordinary one.

    An error stays below its field until the value changes.
    """
    return Form(name, remembers=True)


def save(
    notice: str,
    use_case: Callable[Concatenate[Session, Actor, P], R],
    actor: Actor,
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> None:
    """Run a use case for a button without a form, then show a notice and rerun, or the error."""
    Form("").save(notice, use_case, actor, *args, **kwargs)


def attempt(
    use_case: Callable[Concatenate[Session, Actor, P], R],
    actor: Actor,
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> DomainError | None:
    """Run a use case, and return its refusal, if any, for an element that shows it itself."""
    try:
        change(use_case, actor, *args, **kwargs)
    except Unavailable:
        raise
    except DomainError as error:
        return error
    return None


def change(
    use_case: Callable[Concatenate[Session, Actor, P], R],
    actor: Actor,
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Run a use case if the actor is still signed in, and return its result.

    What it records in history is remembered as the last act, which can be undone.
    """
    if actor is not ANONYMOUS:
        ensure_signed_in()
    recorded: list[int] = []

    def run(session: Session, actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> R:
        result = use_case(session, actor, *args, **kwargs)
        recorded[:] = change_tracking.recorded_ids(session)
        return result

    result = db.run(run, actor, *args, **kwargs)
    if recorded:
        last_act.remember(recorded)
    return result
