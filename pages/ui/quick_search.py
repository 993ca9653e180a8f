"""The search box that opens on every page: organizations, people, pages, and what one can do."""

from datetime import timedelta
from typing import Any, Final, NamedTuple

import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.base import clock
from core.models import Organization, Stage
from pages.ui import authentication, badges, component, dialogs
from pages.ui.text import local

_box = component.load("quick_search")
_Json = dict[str, Any]


class Command(NamedTuple):
    """Something to do: the page where it is done, and the dialog or the field that opens there."""

    label: str
    icon: str
    page: str
    action: Action | None = None
    """The right that it needs in the open organization; None for what everybody can do."""
    dialog: str = ""
    field: str = ""
    stages: tuple[Stage, ...] = tuple(Stage)
    shows_past: bool = False
    """Whether the page opens as of yesterday, with a date to choose."""


_STARTED: Final = (Stage.ONBOARDING, Stage.PREPRODUCTION, Stage.PRODUCTION)
COMMANDS: Final = (
    Command("Create New Organization", "add", "organizations", dialog="create"),
    Command("Invite user", "person_add", "members", Action.INVITE, dialog="invite"),
    Command("Edit profile", "edit", "profile", Action.EDIT_PROFILE, field="profile-name"),
    Command("Edit contact details", "edit", "profile", Action.EDIT_CONTACT, dialog="contact"),
    Command(
        *("Request onboarding", "front_hand", "onboarding", Action.REQUEST_ONBOARDING),
        field="request-note",
        stages=(Stage.FREE,),
    ),
    Command(
        *("Flag for onboarding", "flag", "onboarding", Action.MOVE_STAGES),
        field="flag-next_step",
        stages=(Stage.FREE,),
    ),
    Command(
        *("Plan", "edit_calendar", "onboarding", Action.MOVE_STAGES), dialog="plan", stages=_STARTED
    ),
    Command(
        *("Snooze", "snooze", "onboarding", Action.MOVE_STAGES, "snooze"),
        stages=(Stage.ONBOARDING, Stage.PREPRODUCTION),
    ),
    Command(
        *("Withdraw", "undo", "onboarding", Action.MOVE_STAGES), dialog="withdraw", stages=_STARTED
    ),
    Command("Write a note", "edit_note", "onboarding", Action.WRITE_NOTES, field="note-text"),
    Command("Show as of a date", "history", "overview", Action.VIEW_HISTORY, shows_past=True),
    Command("Act as owner", "shield_person", "overview", Action.ACT_AS_OWNER, "act-as-owner"),
    Command("Member limit", "group", "members", Action.LIMIT_MEMBERS, "member-limit"),
    Command("Change password", "lock", "account", field="password-password"),
)
"""What the search box offers besides pages."""


def draw(
    actor: Actor, org: Organization | None, rights: Rights, pages: list[_Json], *, opened: str
) -> str:
    """Draw the box, which is closed until someone asks for it, and do what was chosen in it.

    Return the ID of the organization whose quick view was just asked for, if any.

    `pages` are the links to list; `opened` is the ID of the organization that the page is about.
    """
    commands = {each.label: each for each in COMMANDS if _is_offered(each, org, rights)}
    result: Any = _box(
        key="quick-search",
        data={
            "user": actor.user_id,
            "opened": opened,
            "pages": pages,
            "commands": [{"label": each.label, "icon": each.icon} for each in commands.values()],
            "stages": {each: badges.describe(each) for each in Stage},
        },
        height="content",
        on_command_change=component.ignore,
        on_looked_change=component.ignore,
    )
    if result.command in commands:
        _start(commands[result.command], org)
    return str(result.looked or "")


def _is_offered(command: Command, org: Organization | None, rights: Rights) -> bool:
    if command.action is None:
        return True
    is_allowed = authentication.is_allowed(rights, command.action)
    return org is not None and org.stage in command.stages and is_allowed


def _start(command: Command, org: Organization | None) -> None:
    """Open the page where something is done, with its dialog, or with the focus in its field."""
    if command.dialog:
        dialogs.open_dialog(command.dialog)
    about = {"org": org.public_id} if org is not None and command.action is not None else {}
    field = {"field": command.field} if command.field else {}
    date = {"as_of": _yesterday(org)} if command.shows_past and org is not None else {}
    st.switch_page(f"{command.page}.py", query_params=about | field | date)


def _yesterday(org: Organization) -> str:
    """Return the date of yesterday, or today's if the organization is not older."""
    yesterday = local(clock.now()).date() - timedelta(days=1)
    return max(yesterday, local(org.created_at).date()).isoformat()
