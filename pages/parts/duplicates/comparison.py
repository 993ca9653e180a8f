"""Two organizations side by side: which one stays, what it takes from the other, and the merge."""

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.duplicates import candidates, merging
from core.duplicates.candidates import Comparison
from core.models import Organization
from pages import ui
from pages.ui import badges, elements
from pages.ui.open_page import find_context

_NONE: Final = "–"
_SIDES: Final = ("one", "other")


class _Merge(NamedTuple):
    """What the dialog is about: the one that goes, the one that stays, the fields it takes."""

    source_id: int
    target_id: int
    take: Sequence[str]


def find(actor: Actor, address: str) -> Comparison | None:
    """Return both organizations of an address, compared; None if one of them is gone."""
    found = [find_context(actor, public_id) for public_id in address.split(".")[:2]]
    ids = [each.org.id for each in found if each is not None]
    if len(set(ids)) != len(_SIDES):
        return None
    with db.read() as session:
        return candidates.compare(session, actor, *ids)


def draw(actor: Actor, found: Comparison | None) -> None:
    """Draw both, what differs first, with the choice of what the one that stays takes."""
    if found is None:
        st.markdown("One of these organizations was merged, deleted or never existed.")
        return
    both = {org.public_id: org for org in (found.one, found.other)}
    _draw_mark(actor, found)
    _draw_heads(found)
    with elements.row(key="compare-keep", gap="small"):
        st.markdown("**Keep**", width="content")
        kept = st.segmented_control(
            "Keep",
            list(both),
            default=candidates.suggest_kept(found).public_id,
            required=True,
            key=f"compare-kept-{found.one.id}-{found.other.id}",
            label_visibility="collapsed",
        )
    target = both[kept]
    source = found.other if target is found.one else found.one
    with db.read() as session:
        takeable = merging.list_takeable(session, actor, source, target)
    take = _draw_fields(found, source, target, takeable)
    _draw_buttons(actor, found, _Merge(source.id, target.id, take), target)
    ui.draw_dialog("merge", f"Merge into {target.public_id}?", _draw_merge, actor, source, target)


def _draw_mark(actor: Actor, found: Comparison) -> None:
    """Draw who said that these are two, with a button that takes it back."""
    if found.dismissed_at is None:
        return
    both = found.one.id, found.other.id
    with st.container(border=True, key="compare-dismissed"), elements.row():
        who, when = ui.esc(found.dismissed_by), ui.day(found.dismissed_at)
        st.markdown(f"Marked as not duplicates by {who} on {when}.", width="stretch")
        if st.button("List again", key="compare-restore"):
            ui.save("Listed as possible duplicates again", candidates.restore, actor, *both)


def _draw_heads(found: Comparison) -> None:
    grid = st.grid(2, min_column_width=140, gap="small", key="compare-heads")
    for org in (found.one, found.other):
        with grid.cell(), st.container(border=True, gap="xxsmall", key=f"compare-{org.public_id}"):
            elements.avatar(org.name, org.public_id, org.logo, width=40)
            address = f"/overview?org={org.public_id}"
            st.markdown(f"**[{ui.esc(org.name)}]({address})**")
            with elements.row():
                badges.badge(org.stage)
                st.markdown(ui.quiet(org.public_id), width="content")


def _draw_fields(
    found: Comparison, source: Organization, target: Organization, takeable: Collection[str]
) -> list[str]:
    """Draw the fields that differ, then the others; return those that the target takes."""
    rows: list[Any] = list(found.fields.itertuples())
    differing = [row for row in rows if row.differs]
    same = [row for row in rows if not row.differs]
    st.subheader(f"Different ({len(differing)})", anchor=False)
    taken = [
        str(row.Index)
        for row in differing
        if _draw_field(found, row, source, target, can_take=row.Index in takeable)
    ]
    with st.expander(f"The same ({len(same)})", key="compare-same"):
        for row in same:
            st.markdown(ui.quiet(row.label))
            _draw_value(row, found.one, row.one)
    return taken


def _draw_field(
    found: Comparison, row: Any, source: Organization, target: Organization, *, can_take: bool
) -> bool:
    """Draw a field of both, and return whether the target takes that of the source."""
    is_taken = False
    with st.container(gap="xxsmall", key=f"compare-field-{row.Index}"):
        st.markdown(f"**{row.label}**")
        grid = st.grid(2, min_column_width=140, gap="small")
        for org, text in ((found.one, row.one), (found.other, row.other)):
            with grid.cell(), st.container(gap="xxsmall"):
                _draw_value(row, org, text)
                if can_take and org is source:
                    is_taken = st.checkbox(
                        f"Take from {source.public_id}",
                        value=not getattr(target, row.Index),
                        key=f"compare-take-{source.id}-{target.id}-{row.Index}",
                    )
    return is_taken


def _draw_value(row: Any, org: Organization, text: str) -> None:
    if row.Index == "logo" and text:
        elements.avatar(org.name, org.public_id, org.logo, width=40)
    else:
        st.text(text or _NONE)


def _draw_buttons(actor: Actor, found: Comparison, merge: _Merge, target: Organization) -> None:
    with elements.row(key="compare-buttons"):
        if st.button(f"Merge into {target.public_id}", type="primary", key="compare-merge"):
            ui.open_dialog("merge", merge)
        if found.dismissed_at is None and st.button("Not a duplicate", key="compare-dismiss"):
            both = found.one.id, found.other.id
            ui.save("Marked as not duplicates", candidates.dismiss, actor, *both)


def _draw_merge(actor: Actor, source: Organization, target: Organization, merge: _Merge) -> None:
    with db.read() as session:
        left = merging.count_people_only_in(session, source, target)
    st.markdown(
        f"**{ui.esc(source.name)}** ({source.public_id}) is merged into "
        f"**{ui.esc(target.name)}** ({target.public_id}). Its links and its ID lead there. "
        f"You can undo this for {merging.UNDO_TTL.days} days."
    )
    if left:
        who = ui.count(left, "person is", "people are")
        st.markdown(
            f"{who} in {source.public_id} only, and won't see {target.public_id}. They can ask to "
            "join."
        )
    with ui.form("merge") as form:
        reason = form.field(st.text_input, "reason", "Reason", hint="Owners can see this.")
        typed = form.field(st.text_input, "typed", f"Enter {target.public_id} to confirm")
        pressed = form.submit(f"Merge into {target.public_id}")
    if pressed and typed.strip().upper() != target.public_id:
        form.set_error("typed", f"Enter {target.public_id}, the ID of the one that stays.")
        return
    if not pressed:
        return
    ids = merge.source_id, merge.target_id
    if form.change(merging.merge, actor, *ids, take=merge.take, reason=reason) is not None:
        ui.close_dialog()
        ui.show_notice(f"Merged into {target.name}")
        st.switch_page("duplicates.py")
