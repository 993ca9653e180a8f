"""The quick view: a drawer about one organization of a list, with the next one a key away."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import pandas as pd
import streamlit as st

from core.access.permissions import Action, Actor, access, may
from core.audit import activity
from core.base import clock, phones
from core.database import db
from core.models import Organization, Role, Stage, organizations
from core.onboarding import onboarding, stages, stuck
from core.onboarding.stages import FORWARD, Check
from core.organizations.table import Direction
from core.staff import notes
from core.staff.notes import ListedNote
from pages import ui
from pages.parts.onboarding import quick_forms
from pages.parts.onboarding.forms import note_field, plan_fields
from pages.parts.organizations.filter_bar import CURSOR
from pages.parts.staff import changes
from pages.ui import badges, elements, stepper
from pages.ui.open_page import find_context


class Listed(NamedTuple):
    """A row of a list: the id and the Organization ID of an organization."""

    id: int
    public_id: str
    query: str = ""
    """What its address has besides, such as the list and its position there."""


Turn = Callable[[Direction, str], Sequence[Listed]]
"""Returns the rows of the page after or before the one with an Organization ID."""

PAGES: Final = ("organizations", "board", "activity", "notes")
"""The pages that draw it themselves, with the list that K and J walk through."""
_DIALOG: Final = "organization"
_PAGE: Final = "quick view page"
_PLACE: Final = "quick view place"
_ROWS: Final = "quick view rows"
_OPENED: Final = "quick view opened"
_SEEN: Final = "quick view seen"
_MOVING: Final = "quick view moving"
_CHANGES: Final = 4


def open_quick_view(org_id: int, rows: Sequence[Listed]) -> None:
    """Open the quick view of an organization, one of the rows of a list."""
    st.session_state[_PAGE] = st.session_state[_ROWS] = list(rows)
    st.session_state[_OPENED] = org_id
    for key in (_MOVING, _PLACE):
        st.session_state.pop(key, None)
    ui.open_dialog(_DIALOG, org_id)


def open_found(actor: Actor, public_id: str) -> None:
    """Open the quick view of an organization that was searched for, if the actor may see it."""
    found = find_context(actor, public_id) if public_id else None
    if found is not None:
        open_quick_view(found.org.id, [Listed(found.org.id, public_id)])
        st.session_state[_PLACE] = _place()


def draw_found(actor: Actor) -> None:
    """Draw the drawer on the page where its organization was searched for."""
    if st.session_state.get(_PLACE) == _place():
        draw_quick_view(actor)


def _place() -> tuple[str, str]:
    return urlsplit(st.context.url or "").path, st.query_params.get("org", "")


def last_seen() -> int | None:
    """Return the organization that was looked at last, once after the quick view is closed."""
    return None if ui.is_open(_DIALOG) else st.session_state.pop(_SEEN, None)


def draw_quick_view(actor: Actor, turn: Turn | None = None) -> None:
    """Draw the drawer if it is open.

    K and J lead to the organization before and after it in the list. With `turn` they go on to its
    other pages, and the address leads to the page of the one that was looked at last.
    """
    ui.draw_dialog(
        _DIALOG,
        "Quick view",
        _draw,
        actor,
        turn,
        position="right",
        on_close=partial(_close, turn),
    )


def _draw(actor: Actor, turn: Turn | None, opened: int) -> None:
    org_id = stepper.find_current(_key(opened), opened)
    rows = _extend(st.session_state.get(_ROWS, []), org_id, turn)
    st.session_state[_ROWS], st.session_state[_SEEN] = rows, org_id
    with db.read() as session:
        org = access(session, actor, org_id, Action.VIEW)
        may_move = may(session, actor, org_id, Action.MOVE_STAGES)
        may_write = may(session, actor, org_id, Action.WRITE_NOTES)
        checks = stages.list_checks(session, org)
        reps = onboarding.list_reps(session)
        latest = activity.latest(session, actor, org_id, limit=_CHANGES)
        written = notes.list_about(session, actor, org_id, limit=1)
    _draw_head(org)
    with elements.row(wrap=False, key="quick-view-actions"):
        if may_move:
            _draw_move(org, checks)
        st.space("stretch")
        ids = [row.id for row in rows] or [org_id]
        query = next((row.query for row in rows if row.id == org_id), "")
        href = f"/overview?org={org.public_id}{query}"
        stepper.draw(ids, org_id, key=_key(opened), href=href)
    if st.session_state.get(_MOVING) == (org.id, org.stage):
        _draw_form(actor, org, reps)
    _draw_checks(org, checks)
    if may_move and org.stage in stuck.LIMITED:
        quick_forms.draw_next_step(actor, org, reps)
    _draw_facts(org, reps)
    _draw_people(org)
    _draw_latest(latest)
    _draw_note(written)
    if may_write:
        quick_forms.draw_note(actor, org)


def _key(opened: int) -> str:
    return f"quick-view-{opened}"


def _extend(rows: list[Listed], org_id: int, turn: Turn | None) -> list[Listed]:
    """Load the page after the last row, or before the first one, when it is looked at."""
    if turn is None or not rows:
        return rows
    if org_id == rows[-1].id:
        return [*rows, *turn(Direction.AFTER, rows[-1].public_id)]
    if org_id == rows[0].id:
        return [*turn(Direction.BEFORE, rows[0].public_id), *rows]
    return rows


def _close(turn: Turn | None) -> None:
    """Remember the row that was stepped to last, even if it was closed before it was drawn."""
    opened = st.session_state[_OPENED]
    st.session_state[_SEEN] = stepper.find_current(_key(opened), opened)
    if turn is not None:
        _turn_to_seen()


def _turn_to_seen() -> None:
    """Let the address lead to the page of the row that was looked at last."""
    page: list[Listed] = st.session_state[_PAGE]
    rows: list[Listed] = st.session_state[_ROWS]
    ids = [row.id for row in rows]
    seen, start = ids.index(st.session_state[_SEEN]), ids.index(page[0].id)
    if start <= seen < start + len(page):
        return
    first = start + (seen - start) // len(page) * len(page)
    if first > 0:
        st.query_params[CURSOR] = f"{Direction.AFTER}.{rows[first - 1].public_id}"
    else:
        st.query_params[CURSOR] = f"{Direction.BEFORE}.{rows[min(len(page), start)].public_id}"


def _draw_head(org: Organization) -> None:
    with elements.row(gap="small", wrap=False):
        elements.avatar(org.name, org.public_id, org.logo, width=40)
        with st.container(gap=None, width="stretch"):
            st.markdown(f"**{ui.esc(org.name)}**", wrap=False)
            with elements.row():
                badges.badge(org.stage)
                st.markdown(ui.quiet(org.public_id), width="content")


def _draw_move(org: Organization, checks: Sequence[Check]) -> None:
    to_stage = FORWARD.get(org.stage)
    if to_stage is None:
        return
    is_flag, is_ready = org.stage is Stage.FREE, all(check.is_met for check in checks)
    st.button(
        "Flag for onboarding" if is_flag else f"Move to {to_stage}",
        icon=":material/flag:" if is_flag else ":material/arrow_forward:",
        type="primary" if is_ready else "secondary",
        disabled=not is_ready,
        key="quick-view-move",
        on_click=_ask_to_move,
        args=(org.id, org.stage),
    )


def _ask_to_move(org_id: int, stage: Stage) -> None:
    st.session_state[_MOVING] = (org_id, stage)


def _cancel() -> None:
    st.session_state.pop(_MOVING, None)


def _draw_form(actor: Actor, org: Organization, reps: Mapping[int, str]) -> None:
    """Draw the form of the move that was asked for, until another organization is shown."""
    draw = _draw_flag_form if org.stage is Stage.FREE else _draw_move_form
    with st.container(border=True, key="quick-view-form"):
        moved = draw(actor, org, reps)
    if moved is not None:
        st.session_state.pop(_MOVING)
        ui.show_notice(f"{moved.name} moved to {moved.stage}")
        st.rerun(scope="app")


def _draw_flag_form(
    actor: Actor, org: Organization, reps: Mapping[int, str]
) -> Organization | None:
    with ui.form(f"quick-flag-{org.id}") as form:
        plan = plan_fields(form, actor.user_id, reps)
        note = note_field(form)
        pressed = form.submit("Flag for onboarding")
    return form.change(onboarding.flag_one, actor, org.id, plan, note=note) if pressed else None


def _draw_move_form(
    actor: Actor, org: Organization, _reps: Mapping[int, str]
) -> Organization | None:
    to_stage = FORWARD[org.stage]
    st.markdown(f"Move to {to_stage}? Owners are notified by email.")
    form = ui.fields("quick-move")
    with elements.row():
        st.button("Cancel", key="quick-move-cancel", on_click=_cancel)
        pressed = st.button("Move", type="primary", key="quick-move-submit")
    form.reserve_footer()
    if not pressed:
        return None
    return form.change(onboarding.move, actor, org.id, to_stage, from_stage=org.stage)


def _draw_checks(org: Organization, checks: Sequence[Check]) -> None:
    missing = [check.open_text for check in checks if not check.is_met]
    late = stuck.reasons(org)
    if not checks and not late:
        return
    with st.container(border=True, gap="xxsmall", key="quick-view-checks"):
        if checks:
            met = len(checks) - len(missing)
            with elements.row():
                st.markdown(f"**Ready for {FORWARD[org.stage]}**", width="stretch")
                st.markdown(ui.quiet(f"{met} of {len(checks)}"), width="content")
            st.progress(met / len(checks))
        lines = [f":orange[:material/error:] {ui.esc(text)}" for text in missing]
        lines += [f":orange[:material/hourglass_bottom: {ui.esc(reason)}]" for reason in late]
        if lines:
            st.markdown("  \n".join(f":small[{line}]" for line in lines))


def _draw_facts(org: Organization, reps: Mapping[int, str]) -> None:
    due = f" · due {org.next_step_on:%-d %b}" if org.next_step_on else ""
    facts = {
        "Sales rep": reps.get(org.rep_id or 0) or "Unassigned",
        "Next step": f"{org.next_step or ''}{due}".removeprefix(" · "),
        "Target date": f"{org.target_on:%-d %b %Y}" if org.target_on else "",
        "In stage since": ui.day(org.stage_entered_at),
        "Sales email": org.sales_email,
        "Phone": phones.format_international(org.phone) if org.phone else "",
        "Website": (org.website or "").removeprefix("https://"),
        "Alert email": org.alert_email,
        "Profile": f"{organizations.completeness(org)} % complete",
        "Created": ui.day(org.created_at),
    }
    grid = st.grid(2, min_column_width=150, gap=("xxsmall", "small"))
    for label, value in facts.items():
        with grid.cell(), st.container(gap=None):
            st.markdown(ui.quiet(label))
            st.text(value or "–", wrap=False)


def _draw_people(org: Organization) -> None:
    st.markdown(f"**{ui.count(org.member_count, 'person', 'people')}**")
    members = org.member_count - org.owner_count - org.admin_count
    elements.bar({Role.OWNER: org.owner_count, Role.ADMIN: org.admin_count, Role.MEMBER: members})


def _draw_latest(latest: pd.DataFrame) -> None:
    if latest.empty:
        return
    st.markdown("**Recent activity**")
    changes.draw_latest(latest, key="quick-view-changes")


def _draw_note(written: Sequence[ListedNote]) -> None:
    for note in written:
        st.markdown("**Latest note**")
        with st.container(border=True, gap="xxsmall", key="quick-view-note"):
            st.markdown(ui.quiet(f"{ui.esc(note.author)} · {ui.ago(note.created_at, clock.now())}"))
            st.text(note.text)
