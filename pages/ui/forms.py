"""Forms: every refusal stands beside its field, and nothing that was typed is lost by one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import streamlit as st
from sqlalchemy.orm import Session
from streamlit.delta_generator import DeltaGenerator

from core.access.permissions import NOBODY, Actor
from core.base.errors import DomainError, InvalidInput
from core.base.settings import settings
from core.database import db
from pages.ui.dialogs import close_dialog
from pages.ui.open_page import ensure_signed_in, tell
from pages.ui.text import quiet, refusal

P = ParamSpec("P")
R = TypeVar("R")


class Form:
    """Fields that are saved together. Made by `form` or `fields`; keys are `<form>.<field>`."""

    def __init__(self, name: str, *, remembers: bool = False) -> None:
        self.name = name
        self._remembers = remembers
        self._values: dict[str, object] = {}
        self._below: dict[str, DeltaGenerator] = {}
        self._foot: DeltaGenerator | None = None
        self.refused: DomainError | None = None
        """Why the last save was refused, for a page that has more to show than the words."""

    def key(self, field: str) -> str:
        """Return the widget key of a field: a new one after each success, so that it empties."""
        turn = st.session_state.get(f"{self.name} turn", 0)
        return f"{self.name}.{field}.{turn}" if turn else f"{self.name}.{field}"

    def field(
        self, widget: Callable[..., Any], name: str, label: str, *, hint: str = "", **options: Any
    ) -> Any:
        """Draw a widget with a hint below it, where a refusal will stand, and return its value."""
        with st.container(key=f"{self.name}-{name}", gap="xxsmall"):
            value = widget(label, key=self.key(name), **options)
            self._below[name] = st.empty()
        self._values[name] = value
        refused = self._remembered().get(name)
        if refused is not None and refused[0] == value:
            self._below[name].markdown(refusal(refused[1]))
        elif hint:
            self._below[name].markdown(quiet(hint))
        return value

    def new_password(self, name: str, label: str, *, also: str = "") -> str:
        """Draw a field for a new password, which password managers offer to generate."""
        hint = (
            f"At least {settings().password_minimum} characters; four or five unrelated words do."
        )
        typed: str = self.field(
            st.text_input,
            name,
            label,
            type="password",
            autocomplete="new-password",
            hint=f"{hint} {also}".strip(),
        )
        return typed

    def current_password(self, label: str, *, hint: str = "") -> str:
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
        **options: Any,
    ) -> bool:
        """Draw the button that sends the form, and return whether it was pressed just now."""
        self._foot = st.empty()
        key = f"{self.name}-submit"
        return st.form_submit_button(label, key=key, type=kind, width=width, **options)

    def foot(self) -> None:
        """Keep a place for refusals that belong to no field, where there is no `submit`."""
        self._foot = st.empty()

    def prepare(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
        """Do slow work before the transaction: hashing, pictures. None after a refusal."""
        try:
            return work(*args, **kwargs)
        except DomainError as error:
            self.refuse(error)
            return None

    def save(
        self,
        told: str,
        use_case: Callable[Concatenate[Session, Actor, P], R],
        actor: Actor,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Run one use case; tell and rerun after success, else show why not beside its field."""
        try:
            change(use_case, actor, *args, **kwargs)
        except DomainError as error:
            self.refuse(error)
        else:
            self.empty()
            close_dialog()
            tell(told)
            st.session_state[f"{self.name} saved"] = told
            st.rerun()

    def change(
        self,
        use_case: Callable[Concatenate[Session, Actor, P], R],
        actor: Actor,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R | None:
        """Run one use case and go on with what it returns; None after a refusal."""
        return self.prepare(change, use_case, actor, *args, **kwargs)

    def empty(self) -> None:
        """Let every field start anew on the next run."""
        turn = f"{self.name} turn"
        st.session_state[turn] = st.session_state.get(turn, 0) + 1

    def refuse(self, error: DomainError) -> None:
        """Show a refusal: each field's own words below it, what is left at the foot."""
        self.refused = error
        if self._remembers and isinstance(error, InvalidInput):
            st.session_state[self.key("refused")] = {
                field: (self._values.get(field), why) for field, why in error.fields.items()
            }
        fields = error.fields if isinstance(error, InvalidInput) else {"": str(error)}
        homeless = []
        for field, sentence in fields.items():
            if field in self._below:
                self._below[field].markdown(refusal(sentence))
            else:
                homeless.append(sentence)
        if homeless:
            place = self._foot if self._foot is not None else st.empty()
            place.markdown(refusal(" ".join(homeless)))

    def say(self, field: str, sentence: str) -> None:
        """Put a refusal of the page's own words below a field, in place of what stands there."""
        self._below[field].markdown(refusal(sentence))

    def _remembered(self) -> dict[str, tuple[object, str]]:
        """Return what was refused last: a field's refusal stands until the field changes."""
        kept: dict[str, tuple[object, str]] = st.session_state.get(self.key("refused"), {})
        return kept if self._remembers else {}


@contextmanager
def form(name: str, *, border: bool = False) -> Iterator[Form]:
    """Draw a form whose fields are sent together by `submit`."""
    with st.form(name, border=border, enter_to_submit=True):
        yield Form(name)


def saved(name: str) -> str | None:
    """Return what was told when this form was last saved in this session; None before."""
    told: str | None = st.session_state.get(f"{name} saved")
    return told


def start_again(name: str, label: str) -> None:
    """Draw a button that shows a form anew which has been saved."""
    forget = st.session_state.pop
    again = f"{name} saved"
    st.button(label, key=f"{name}-again", type="tertiary", on_click=forget, args=(again, None))


def fields(name: str) -> Form:
    """Return a form whose widgets react while one types; its button is an ordinary one.

    What was refused stays beside its field until the field changes.
    """
    return Form(name, remembers=True)


def save(
    told: str,
    use_case: Callable[Concatenate[Session, Actor, P], R],
    actor: Actor,
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> None:
    """Run one use case for a button without a form: tell and rerun, or show why not."""
    Form("").save(told, use_case, actor, *args, **kwargs)


def change(
    use_case: Callable[Concatenate[Session, Actor, P], R],
    actor: Actor,
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Run one use case for who is still signed in, and return what it returns."""
    if actor is not NOBODY:
        ensure_signed_in()
    return db.run(use_case, actor, *args, **kwargs)
