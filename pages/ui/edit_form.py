"""Forms that edit saved texts: what is changed, and a choice where somebody else changed it too."""

from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec

import streamlit as st
from sqlalchemy.orm import Session
from streamlit.delta_generator import DeltaGenerator

from core.access.permissions import Actor
from core.base.errors import Stale
from pages.ui import dialogs
from pages.ui.elements import row
from pages.ui.forms import Form
from pages.ui.text import esc, quiet

P = ParamSpec("P")
THEIRS, YOURS = "Theirs", "Yours"

_UseCase = Callable[
    Concatenate[Session, Actor, int, Mapping[str, str], Mapping[str, str], P], object
]


class EditForm(Form):
    """A form of the saved texts `now`, by field; `labels` names its fields.

    Draw each field with `text`, then `submit_changes`, and save with `save_changes`.
    """

    def __init__(self, name: str, labels: Mapping[str, str], now: Mapping[str, str]) -> None:
        super().__init__(name, remembers=True)
        self._labels = labels
        self.original = self._find_original({field: now[field] for field in labels})
        """What the fields started from, to tell what others change meanwhile."""
        self.typed = dict(self.original)
        self._choices: DeltaGenerator | None = None

    def text(
        self, field: str, *, widget: Callable[..., str] = st.text_input, **options: Any
    ) -> None:
        """Draw the field of a text; `typed` then has what was typed."""
        live = {"live": True} if widget is st.text_input else {}
        options = {"value": self.original[field], **live, **options}
        self.typed[field] = self.field(widget, field, self._labels[field], **options)

    def text_of(self, field: str) -> str:
        """Return what has been typed into a field, also before it is drawn."""
        typed: str = st.session_state.get(self.key(field), self.original[field])
        return typed

    @property
    def changed(self) -> list[str]:
        """The fields whose texts were changed here."""
        return [field for field in self._labels if self.typed[field] != self.original[field]]

    def submit_changes(
        self, label: str = "Submit", *, on_cancel: Callable[[], None] | None = None
    ) -> bool:
        """Draw what was changed, and the buttons; return whether `label` was just pressed.

        The buttons stay where they are, whatever appears beside them. A form that opens in place
        has `on_cancel`, which closes it, and does not say what was changed: it is all there is.
        """
        self._choices, key = st.container(), f"{self.name}-submit"
        if on_cancel is not None:
            pressed = self.buttons(label, key=key, on_cancel=on_cancel)
        else:
            pressed = self._draw_foot(label, key)
        if not pressed:
            self._draw_choices()
        return pressed

    def _draw_foot(self, label: str, key: str) -> bool:
        """Draw the buttons, and beside them what was changed."""
        self.reserve_footer()
        with row(key=f"reversed-{self.name}", vertical_alignment="top"):
            with row(width="content", key=f"{self.name}-foot"):
                if dialogs.is_inside() and st.button("Cancel", key=f"{self.name}-cancel"):
                    self.cancel()
                if self.changed and not dialogs.is_inside():
                    self._draw_discard()
                pressed = st.button(label, key=key, type="primary")
            marks = " ".join(f":gray-badge[{esc(self._labels[it])}]" for it in self.changed)
            st.markdown(f"{quiet('Changed')} {marks}" if marks else "", width="stretch")
        return pressed

    def _draw_discard(self) -> None:
        if st.button("Discard", key=f"{self.name}-discard", type="tertiary"):
            self.reset()
            st.rerun()

    def save_changes(
        self,
        notice: str,
        use_case: _UseCase[P],
        actor: Actor,
        org_id: int,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Run a use case that takes the original and the edited texts, like `Form.save`.

        A field that somebody else has changed meanwhile shows both texts, to choose one.
        """
        choices = {field: st.session_state.get(self._choice(field)) for field in self._theirs}
        seen = {field: self._theirs[field] for field, choice in choices.items() if choice}
        chosen = {field: text for field, text in seen.items() if choices[field] == THEIRS}
        original, edited = self.original | seen, self.typed | chosen
        notice = notice if self.changed else "Nothing to save"
        self.save(notice, use_case, actor, org_id, original, edited, *args, **kwargs)
        if isinstance(self.error, Stale):
            st.session_state[self.key("theirs")] = self.error.theirs
        self._draw_choices()

    @property
    def _theirs(self) -> dict[str, str]:
        """What others have saved meanwhile, by field."""
        theirs: dict[str, str] = st.session_state.get(self.key("theirs"), {})
        return {field: text for field, text in theirs.items() if field in self.changed}

    def _draw_choices(self) -> None:
        """Draw both texts of each field that somebody else has changed as well."""
        if not self._theirs or self._choices is None:
            return
        with self._choices, st.container(border=True, key=f"{self.name}-dispute"):
            why = "Someone else changed this too. Choose which value to keep, then submit."
            st.markdown(f"**{why}**")
            for field, text in self._theirs.items():
                st.radio(
                    self._labels[field],
                    [THEIRS, YOURS],
                    index=None,
                    captions=[esc(text) or "(empty)", esc(self.typed[field]) or "(empty)"],
                    key=self._choice(field),
                )

    def _choice(self, field: str) -> str:
        return self.key(f"{field}.choice")

    def _find_original(self, now: dict[str, str]) -> dict[str, str]:
        """Return what the fields started from; they start again while nothing is typed."""
        kept: dict[str, str] | None = st.session_state.get(self.key("original"))
        typed = {field: st.session_state.get(self.key(field)) for field in now}
        if kept is not None and None not in typed.values() and (typed != kept or now == kept):
            return kept
        if kept is not None:
            self.empty()
        draft = self.find_draft()
        before = draft.originals if draft is not None else {}
        original = {field: before.get(field, text) for field, text in now.items()}
        st.session_state[self.key("original")] = original
        return original
