"""Inverses of changes to notes, saved views, duplicates and accounts, which staff makes."""

from typing import Final

from core.accounts import administration
from core.base.errors import NotPermitted
from core.changes.inverse import Inverse, Undoing, ask_password
from core.duplicates import candidates
from core.members import account_access
from core.models import Staff
from core.staff import notes, saved_views

_NOTES: Final = "notes"
_VIEWS: Final = "saved_views"
_PAIRS: Final = "not_duplicates"
_PAIR: Final = frozenset({"organizations"})
_TEXT: Final = frozenset({"text"})
_VIEW: Final = frozenset({"name", "query", "is_shared"})


def _put_back_text(undoing: Undoing) -> None:
    text = undoing.old("text")
    undoing.call(notes.edit, undoing.cell.id, text)


def _delete_note(undoing: Undoing) -> None:
    undoing.call(notes.delete, undoing.cell.id)


def _write_again(undoing: Undoing) -> None:
    if undoing.old("author_id") != undoing.actor.user_id:
        raise NotPermitted("write notes of other people", ask="the author")
    org_id, text, is_shared = (undoing.old(it) for it in ("org_id", "text", "is_shared"))
    undoing.call(notes.write, org_id, text, is_shared=is_shared)


def _put_back_name(undoing: Undoing) -> None:
    name = undoing.old("name")
    undoing.call(saved_views.rename, undoing.cell.id, name)


def _put_back_query(undoing: Undoing) -> None:
    query = undoing.old("query")
    undoing.call(saved_views.replace, undoing.cell.id, query)


def _put_back_sharing(undoing: Undoing) -> None:
    is_shared = bool(undoing.old("is_shared"))
    undoing.call(saved_views.share, undoing.cell.id, is_shared=is_shared)


def _remove_view(undoing: Undoing) -> None:
    (view_id,) = {cell.id for cell in undoing.chosen}
    undoing.call(saved_views.remove, view_id)


def _save_again(undoing: Undoing) -> None:
    if undoing.old("owner_id") != undoing.actor.user_id:
        raise NotPermitted("save views of other people", ask="the person who saved it")
    page, name, query = (undoing.old(field) for field in ("page", "name", "query"))
    is_shared = bool(undoing.old("is_shared"))
    undoing.call(saved_views.save, page, name, query, is_shared=is_shared)


def _restore_pair(undoing: Undoing) -> None:
    undoing.call(candidates.restore, undoing.new("first_id"), undoing.new("second_id"))


def _dismiss_pair(undoing: Undoing) -> None:
    undoing.call(candidates.dismiss, undoing.old("first_id"), undoing.old("second_id"))


def _put_back_staff(undoing: Undoing) -> None:
    old = undoing.old("staff")
    staff = None if old is None else Staff(old)
    undoing.call(account_access.set_staff, undoing.cell.id, staff)


def _put_back_access(undoing: Undoing) -> None:
    """Enable a disabled account, or disable it again."""
    if undoing.old("disabled_at") is None:
        undoing.call(administration.enable, undoing.cell.id)
    else:
        undoing.call(account_access.disable, undoing.cell.id)


_ACCESS: Final = Inverse(
    _put_back_access,
    frozenset({"disabled_at"}),
    about="users",
    caution="Sessions, invitations and offers that have ended stay ended.",
)

INVERSES: Final = {
    "note.edited": Inverse(_put_back_text, _TEXT, about=_NOTES),
    "note.written": Inverse(_delete_note, _TEXT, about=_NOTES),
    "note.deleted": Inverse(_write_again, _TEXT, about=_NOTES, caution="The note is dated today."),
    "view.renamed": Inverse(_put_back_name, frozenset({"name"}), about=_VIEWS),
    "view.replaced": Inverse(_put_back_query, frozenset({"query"}), about=_VIEWS),
    "view.shared": Inverse(
        _put_back_sharing,
        frozenset({"is_shared"}),
        about=_VIEWS,
        caution="Whose default view it was stays forgotten.",
    ),
    "view.saved": Inverse(_remove_view, _VIEW, about=_VIEWS, pairs=_VIEW),
    "view.removed": Inverse(
        _save_again,
        _VIEW,
        about=_VIEWS,
        pairs=_VIEW,
        caution="It is a new view: whose default it was stays forgotten.",
    ),
    "duplicate.dismissed": Inverse(_restore_pair, _PAIR, about=_PAIRS),
    "duplicate.restored": Inverse(_dismiss_pair, _PAIR, about=_PAIRS),
    "account.staff_changed": Inverse(
        _put_back_staff,
        frozenset({"staff"}),
        about="users",
        asks=ask_password,
        caution="Sessions that have ended stay ended.",
    ),
    "account.disabled": _ACCESS,
    "account.enabled": _ACCESS,
}
