"""Inverses of changes to the profile, the logo, the settings and the life of an organization."""

from typing import Final

from sqlalchemy import select

from core.access.permissions import Action, access, may
from core.base.errors import CannotUndo, InvalidInput
from core.changes.cells import EXISTENCE
from core.changes.inverse import Ask, Inverse, Undoing, ask_name
from core.database import change_tracking
from core.imports import unclaimed
from core.models import Entry, Logo
from core.notifications import alerts
from core.organizations import organizations
from core.profile import directory, logos, profile
from core.profile.logos import CleanLogo

_TEXTS: Final = frozenset(profile.FIELDS) - {"alert_email"}


def _put_back_profile(undoing: Undoing) -> None:
    """Put texts back; an address that waited waits again, and that in use is not touched."""
    org = undoing.call(access, undoing.org_id, Action.VIEW)
    shown = profile.form_texts(org)
    typed = {field: undoing.old(field) or "" for field in undoing.fields & _TEXTS}
    if "alert_email_new" in undoing.fields:
        typed["alert_email"] = undoing.old("alert_email_new") or org.alert_email or ""
    if undoing.call(may, undoing.org_id, Action.EDIT_PROFILE):
        undoing.call(profile.save, undoing.org_id, shown, shown | typed, confirms=False)
    else:
        undoing.call(
            profile.save_contact_details, undoing.org_id, shown, typed, reason=undoing.reason
        )


def _put_back_address(undoing: Undoing) -> None:
    """Let the alert address before wait for its confirmation."""
    shown = profile.form_texts(undoing.call(access, undoing.org_id, Action.EDIT_PROFILE))
    before = undoing.old("alert_email")
    if not before:
        raise InvalidInput({"alert_email": "There was no address before. Enter another one."})
    typed = shown | {"alert_email": before}
    undoing.call(profile.save, undoing.org_id, shown, typed, confirms=False)


def _put_back_alerts(undoing: Undoing) -> None:
    wanted = alerts.from_stored(undoing.old("alerts_off"))
    if undoing.call(may, undoing.org_id, Action.EDIT_PROFILE):
        undoing.call(alerts.choose, undoing.org_id, wanted)
    else:
        undoing.call(alerts.choose_for_owners, undoing.org_id, wanted, reason=undoing.reason)


def _put_back_listing(undoing: Undoing) -> None:
    listed = bool(undoing.old("is_listed"))
    undoing.call(directory.list_in_solutions, undoing.org_id, listed=listed)


def _put_back_logo(undoing: Undoing) -> None:
    undoing.call(access, undoing.org_id, Action.EDIT_PROFILE)
    digest = undoing.old("logo")
    if digest is None:
        undoing.call(logos.remove_logo, undoing.org_id)
        return
    kept = undoing.session.get(Logo, digest)
    if kept is None:
        raise InvalidInput({"logo": "That picture is no longer kept. Upload it again."})
    undoing.call(logos.set_logo, undoing.org_id, CleanLogo(kept.png, kept.thumbnail, kept.digest))


def _put_back_limit(undoing: Undoing) -> None:
    limit = undoing.old("member_limit")
    undoing.call(organizations.limit_members, undoing.org_id, limit)


def _delete(undoing: Undoing) -> None:
    if _is_unclaimed(undoing):
        _ensure_untouched(undoing)
        undoing.call(unclaimed.remove, undoing.org_id)
    elif _is_imported(undoing):
        raise CannotUndo("An owner has joined since the import, so this organization stays.")
    else:
        undoing.call(organizations.delete, undoing.org_id, name=undoing.name)


def _is_unclaimed(undoing: Undoing) -> bool:
    """Return whether an import added the organization and nobody has claimed it."""
    return undoing.org is not None and undoing.org.unclaimed_since is not None


def _is_imported(undoing: Undoing) -> bool:
    return undoing.entry.event == "organization.created" and undoing.entry.run_id is not None


def _ensure_untouched(undoing: Undoing) -> None:
    """Raise `CannotUndo` if an imported organization was changed by anything but the import."""
    own = {undoing.entry.run_id, change_tracking.find_cause(undoing.session).get("run_id")}
    later = (Entry.chain == undoing.entry.chain, Entry.id > undoing.entry.id)
    for run_id in undoing.session.scalars(select(Entry.run_id).where(*later)):
        if run_id is None or run_id not in own:
            raise CannotUndo("This organization was changed after the import, so it stays.")


def _asks_for_deletion(undoing: Undoing) -> set[Ask]:
    """Ask for the password and the name, unless an import added the organization."""
    return set() if _is_unclaimed(undoing) or _is_imported(undoing) else ask_name(undoing)


def _restore(undoing: Undoing) -> None:
    undoing.call(organizations.restore, undoing.org_id)


_LOGO: Final = Inverse(_put_back_logo, frozenset({"logo"}))
_LISTING: Final = Inverse(_put_back_listing, frozenset({"is_listed"}))
_EXISTENCE: Final = frozenset({EXISTENCE})

INVERSES: Final = {
    "profile.changed": Inverse(_put_back_profile, _TEXTS | {"alert_email_new"}),
    "alert_email.confirmed": Inverse(
        _put_back_address,
        frozenset({"alert_email"}),
        caution="The address before must be confirmed again; until then alerts go to this one.",
    ),
    "alerts.chosen": Inverse(_put_back_alerts, frozenset({"alerts_off"})),
    "profile.listed": _LISTING,
    "profile.unlisted": _LISTING,
    "logo.changed": _LOGO,
    "logo.removed": _LOGO,
    "organization.members_limited": Inverse(_put_back_limit, frozenset({"member_limit"})),
    "organization.created": Inverse(
        _delete,
        _EXISTENCE,
        asks=_asks_for_deletion,
        caution="An administrator can restore it within 30 days.",
    ),
    "organization.deleted": Inverse(
        _restore, _EXISTENCE, caution="Members without an account are not brought back."
    ),
    "organization.restored": Inverse(_delete, _EXISTENCE, asks=ask_name),
}
