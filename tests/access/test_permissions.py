"""The permission matrix: a row per use case, a column per person of the cast.

`members.remove` is `core.members.remove`, `staff.notes.write` is in `core.staff.notes`.

`yes` it is done · `no` a refusal that says whom to ask · `hidden` as if it did not exist.
A new use case is a new line in MATRIX, and a line in ACTS if it needs more than the organization.
"""

import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

import core
from core.access.permissions import (
    ALLOWED,
    ANONYMOUS,
    ORGDESK,
    Action,
    Actor,
    access,
    access_staff,
    find_organization,
    may,
    rights_of,
    staff_rights,
)
from core.accounts import user_rows
from core.accounts.sessions import VerifiedPassword
from core.audit import activity, queries
from core.base import clock, crypto
from core.base.errors import (
    AlreadyClaimed,
    CannotUndo,
    GateNotMet,
    HasOwner,
    InvalidInput,
    LastOwner,
    NotFound,
    NotPermitted,
    ProposalExpired,
    RoleTooHigh,
    WrongInvitee,
)
from core.bulk_edit.fields import Field
from core.changes import changes
from core.database import change_tracking, db
from core.duplicates import merging
from core.imports import imports, plans
from core.imports.columns import What
from core.imports.reader import Sheet
from core.members import (
    account_access,
    invitation_rows,
    invitations,
    members,
    membership_rows,
    ownership,
)
from core.models import (
    Invitation,
    Mail,
    Membership,
    Organization,
    Role,
    Run,
    Staff,
    Stage,
    User,
)
from core.onboarding import bulk_flag, onboarding, working_days
from core.onboarding.board_queries import BoardQuery, Column
from core.onboarding.onboarding import Plan
from core.onboarding.statistics import Period
from core.organizations import organizations
from core.organizations.csv_export import Format
from core.organizations.filters import Filters
from core.organizations.worklist import Displayed, Position
from core.profile import profile
from core.runs import runs
from core.runs.items import NewItem, Selection
from core.staff import impersonation, notes, saved_views
from tests.support.cast import Cast, email
from tests.support.depth import sample
from tests.support.history import last_entry
from tests.support.statements import recorded

MATRIX = """
                                           olga   adam   mia    otto   oda    sam    sue    ada    nobody
                                           owner  admin  member elsew. ops    sales  sales  admin. -
audit.changes.has_changed                  yes    yes    yes    yes    yes    yes    yes    yes    yes
members.table                              yes    yes    yes    hidden yes    yes    yes    yes    hidden
members.count                              yes    yes    yes    hidden yes    yes    yes    yes    hidden
members.list_sorts                         yes    yes    yes    hidden yes    yes    yes    yes    hidden
members.table by role                      yes    yes    no     hidden yes    yes    yes    yes    hidden
members.table by last seen                 yes    yes    no     hidden yes    yes    yes    yes    hidden
members.statistics.summary                 yes    yes    yes    hidden yes    yes    yes    yes    hidden
members.list_ids                           yes    yes    yes    hidden yes    yes    yes    yes    hidden
members.statistics.count_by_role           yes    yes    no     hidden yes    yes    yes    yes    hidden
members.list_grantable_roles               yes    yes    yes    hidden yes    yes    yes    yes    hidden
members.change_role                        yes    no     no     hidden no     no     no     no     hidden
members.remove                             yes    yes    no     hidden no     no     no     no     hidden
members.bulk.change_roles                  yes    no     no     hidden no     no     no     no     hidden
members.bulk.remove                        yes    yes    no     hidden no     no     no     no     hidden
members.remove an owner                    yes    no     no     hidden no     no     no     no     hidden
members.leaving.leave                      yes    yes    yes    hidden hidden hidden hidden hidden hidden
members.leaving.is_last_owner              yes    yes    yes    hidden hidden hidden hidden hidden hidden
members.statistics.joined_by_month         yes    yes    yes    hidden yes    yes    yes    yes    hidden
members.former_table                       yes    yes    no     hidden yes    yes    yes    yes    hidden
members.reinstate                          yes    yes    no     hidden no     no     no     no     hidden
members.ownership.offer                    yes    no     no     hidden no     no     no     no     hidden
members.ownership.withdraw                 yes    no     no     hidden no     no     no     no     hidden
members.ownership.give_back                yes    no     no     hidden no     no     no     no     hidden
members.ownership.accept                   hidden hidden yes    hidden hidden hidden hidden hidden hidden
members.ownership.decline                  hidden hidden yes    hidden hidden hidden hidden hidden hidden
members.ownership.list_offers              yes    yes    yes    hidden yes    yes    yes    yes    hidden
members.ownership.ownerless_table          no     no     no     no     no     no     no     yes    no
members.ownership.list_owner_candidates    no     no     no     hidden no     no     no     yes    hidden
members.ownership.assign_owner             no     no     no     hidden no     no     no     yes    hidden
members.invitations.table                  yes    yes    no     hidden yes    yes    yes    yes    hidden
members.invitations.count_by_state         yes    yes    no     hidden yes    yes    yes    yes    hidden
members.invitations.invite                 yes    yes    no     hidden no     no     no     no     hidden
members.invitations.invite an owner        yes    no     no     hidden no     no     no     no     hidden
members.invitations.resend                 yes    yes    no     hidden no     no     no     no     hidden
members.invitations.get_link               yes    yes    no     hidden no     no     no     no     hidden
members.invitations.change_role            yes    yes    no     hidden no     no     no     no     hidden
members.invitations.revoke                 yes    yes    no     hidden no     no     no     no     hidden
members.invitations.revoke an owner's      yes    no     no     hidden no     no     no     no     hidden
members.acceptance.get_invitation          yes    yes    yes    yes    yes    yes    yes    yes    yes
members.acceptance.accept                  no     no     no     yes    no     no     no     no     no
members.acceptance.decline                 no     no     no     yes    no     no     no     no     yes
organizations.create                       yes    yes    yes    yes    yes    yes    yes    yes    no
organizations.delete                       yes    no     no     hidden no     no     no     no     hidden
organizations.restore                      no     no     no     hidden no     no     no     yes    hidden
organizations.limit_members                no     no     no     hidden no     no     no     yes    hidden
organizations.list_mine                    yes    yes    yes    yes    yes    yes    yes    yes    yes
organizations.list_similar_names           yes    yes    yes    yes    yes    yes    yes    yes    yes
organizations.quick_search.find_organizations yes yes    yes    hidden yes    yes    yes    yes    hidden
organizations.quick_search.find_people     yes    yes    yes    hidden yes    yes    yes    yes    hidden
organizations.quick_search.list_opened     yes    yes    yes    hidden yes    yes    yes    yes    hidden
organizations.table.table                  no     no     no     no     yes    yes    yes    yes    no
organizations.worklist.neighbors           no     no     no     no     yes    yes    yes    yes    no
organizations.worklist.displayed_neighbors no     no     no     no     yes    yes    yes    yes    no
organizations.worklist.list_others         no     no     no     no     yes    yes    yes    yes    no
organizations.worklist.visit               no     no     no     no     yes    yes    yes    yes    no
organizations.downloads.summary_csv        no     no     no     no     yes    yes    yes    yes    no
organizations.downloads.summary_csv own    yes    yes    yes    yes    yes    yes    yes    yes    hidden
organizations.downloads.summary_csv of one yes    yes    no     hidden yes    yes    yes    yes    hidden
organizations.downloads.begin              no     no     no     no     yes    yes    yes    yes    no
organizations.statistics.count_by_stage    no     no     no     no     yes    yes    yes    yes    no
organizations.statistics.memberships       no     no     no     no     yes    yes    yes    yes    no
organizations.export_process.write         no     no     no     no     yes    yes    yes    yes    no
organizations.export_process.write deleted no     no     no     no     no     no     no     yes    no
duplicates.candidates.table                no     no     no     no     yes    no     no     yes    no
duplicates.candidates.list_groups          no     no     no     no     yes    no     no     yes    no
duplicates.candidates.is_matching          no     no     no     no     yes    no     no     yes    no
duplicates.candidates.compare              no     no     no     no     yes    no     no     yes    no
duplicates.candidates.dismiss              no     no     no     no     yes    no     no     yes    no
duplicates.candidates.restore              no     no     no     no     yes    no     no     yes    no
duplicates.merging.merge                   no     no     no     hidden yes    no     no     yes    hidden
duplicates.merging.undo_merge              no     no     no     hidden yes    no     no     yes    hidden
duplicates.merging.list_merged_in          yes    no     no     hidden yes    yes    yes    yes    hidden
duplicates.joining.ask_to_join             hidden hidden hidden yes    hidden hidden hidden hidden hidden
changes.undo a merge                       no     hidden hidden hidden yes    no     no     yes    hidden
changes.undo the undo of a merge           no     no     no     hidden yes    no     no     yes    hidden
imports.planning.plan                      no     no     no     no     yes    no     no     yes    no
imports.propose                            no     no     no     no     yes    no     no     yes    no
imports.confirm                            no     no     no     no     yes    no     no     yes    no
imports.find_columns                       no     no     no     no     yes    no     no     yes    no
imports.results.get                        no     no     no     no     yes    no     no     yes    no
imports.results.find                       no     no     no     no     yes    no     no     yes    no
imports.results.table                      no     no     no     no     yes    no     no     yes    no
imports.results.rejects                    no     no     no     no     yes    no     no     yes    no
imports.member_invitations.invite          no     no     no     hidden yes    no     no     yes    hidden
imports.member_invitations.revoke          no     no     no     hidden yes    no     no     yes    hidden
imports.unclaimed.add                      no     no     no     no     yes    no     no     yes    no
imports.unclaimed.invite_owner             no     no     no     hidden yes    no     no     yes    hidden
imports.unclaimed.find_owner_invitation    yes    yes    no     hidden yes    yes    yes    yes    hidden
imports.unclaimed.remove                   no     no     no     hidden yes    no     no     yes    hidden
profile.save                               yes    no     no     hidden no     no     no     no     hidden
profile.confirm                            yes    no     no     hidden no     no     no     no     hidden
profile.logos.set_logo                     yes    no     no     hidden no     no     no     no     hidden
profile.logos.remove_logo                  yes    no     no     hidden no     no     no     no     hidden
profile.directory.list_in_solutions        yes    no     no     hidden no     no     no     no     hidden
profile.alert_address.resend_alert_link    yes    no     no     hidden no     no     no     no     hidden
profile.alert_address.alert_link_sent_at   yes    yes    yes    hidden yes    yes    yes    yes    hidden
profile.alert_address.send_test            yes    no     no     hidden no     no     no     no     hidden
profile.directory.search                   yes    yes    yes    yes    yes    yes    yes    yes    hidden
profile.directory.count                    yes    yes    yes    yes    yes    yes    yes    yes    hidden
staff.notes.write                          no     no     no     hidden yes    yes    yes    yes    hidden
staff.notes.edit                           no     no     no     no     no     yes    no     no     no
staff.notes.delete                         no     no     no     no     no     yes    no     no     no
staff.notes.list_about                     yes    yes    yes    hidden yes    yes    yes    yes    hidden
staff.notes.list_all                       no     no     no     no     yes    yes    yes    yes    no
notifications.alerts.choose                yes    no     no     hidden no     no     no     no     hidden
onboarding.flag                            no     no     no     hidden no     yes    yes    yes    hidden
onboarding.flag_one                        no     no     no     hidden no     yes    yes    yes    hidden
onboarding.move                            no     no     no     hidden no     yes    yes    yes    hidden
onboarding.move with override              no     no     no     hidden no     no     no     yes    hidden
onboarding.snooze                          no     no     no     hidden no     yes    yes    yes    hidden
onboarding.plan                            no     no     no     hidden no     yes    yes    yes    hidden
onboarding.getting_started.list_steps      yes    yes    yes    hidden yes    yes    yes    yes    hidden
onboarding.set_next_step                   no     no     no     hidden no     yes    yes    yes    hidden
onboarding.request                         yes    yes    no     hidden no     no     no     no     hidden
onboarding.withdraw_request                yes    yes    no     hidden no     no     no     no     hidden
onboarding.stages.move_history             yes    no     no     hidden yes    yes    yes    yes    hidden
onboarding.statistics.load_charts          no     no     no     no     yes    yes    yes    yes    no
onboarding.board.list_ids                  no     no     no     no     yes    yes    yes    yes    no
onboarding.board.load                      no     no     no     no     yes    yes    yes    yes    no
staff.saved_views.save                     no     no     no     no     yes    yes    yes    yes    no
staff.saved_views.visit                    no     no     no     no     yes    yes    yes    yes    no
staff.saved_views.visit Sue's own          no     no     no     no     hidden hidden yes    hidden no
staff.saved_views.rename                   no     no     no     no     no     no     yes    no     no
staff.saved_views.replace                  no     no     no     no     no     no     yes    no     no
staff.saved_views.share                    no     no     no     no     no     no     yes    no     no
staff.saved_views.remove                   no     no     no     no     no     no     yes    yes    no
staff.saved_views.set_default              no     no     no     no     yes    yes    yes    yes    no
staff.saved_views.find_default             yes    yes    yes    yes    yes    yes    yes    yes    yes
staff.saved_view_lists.table               no     no     no     no     yes    yes    yes    yes    no
onboarding.bulk_flag.count                 no     no     no     no     no     yes    yes    yes    no
onboarding.bulk_flag.start                 no     no     no     no     no     yes    yes    yes    no
runs.propose                               no     no     no     no     no     yes    yes    yes    hidden
runs.confirm Sam's                         hidden hidden hidden hidden hidden yes    hidden hidden hidden
runs.cancel Sam's                          no     no     no     no     no     yes    no     yes    no
runs.resume Sam's                          no     no     no     no     no     yes    no     yes    no
runs.dismiss Sam's                         no     no     no     no     no     yes    no     yes    no
runs.get Sam's                             no     no     no     no     yes    yes    yes    yes    no
runs.table                                 no     no     no     no     yes    yes    yes    yes    no
runs.items.refusals_csv of Sam's           no     no     no     no     yes    yes    yes    yes    no
runs.items.list_refusals of Sam's          no     no     no     no     yes    yes    yes    yes    no
bulk_edit.propose contact details          no     no     no     no     yes    no     no     yes    no
bulk_edit.propose a plan                   no     no     no     no     no     yes    yes    yes    no
bulk_edit.propose alerts                   no     no     no     no     no     no     no     yes    no
bulk_edit.fields.count_values              no     no     no     no     yes    yes    yes    yes    no
changes.run_undo.propose                   no     no     no     no     yes    yes    yes    yes    no
changes.run_undo.start                     no     no     no     no     yes    yes    yes    yes    no
notifications.alerts.choose_for_owners     no     no     no     hidden no     no     no     yes    hidden
runs.list_open                             yes    yes    yes    yes    yes    yes    yes    yes    yes
audit.activity.table                       no     no     no     no     yes    yes    yes    yes    no
audit.activity.table of one                yes    no     no     hidden yes    yes    yes    yes    hidden
audit.activity.latest                      yes    yes    yes    hidden yes    yes    yes    yes    hidden
audit.activity.latest of a role            yes    yes    no     hidden yes    yes    yes    yes    hidden
audit.activity.latest of an invitation     yes    yes    no     hidden yes    yes    yes    yes    hidden
audit.activity.latest of a phone's value   yes    no     no     hidden yes    yes    yes    yes    hidden
audit.csv_export.begin                     no     no     no     no     yes    yes    yes    yes    no
audit.csv_export.begin of one              yes    no     no     hidden yes    yes    yes    yes    hidden
audit.csv_export.write                     no     no     no     no     yes    yes    yes    yes    no
audit.csv_export.write of one              yes    no     no     hidden yes    yes    yes    yes    hidden
audit.receipts.begin                       yes    no     no     hidden yes    yes    yes    yes    hidden
audit.receipts.make                        yes    no     no     hidden yes    yes    yes    yes    hidden
onboarding.stages.path                     yes    yes    yes    hidden yes    yes    yes    yes    hidden
profile.save_contact_details               no     no     no     hidden yes    no     no     yes    hidden
changes.plan                               yes    no     no     hidden yes    yes    yes    yes    hidden
changes.undo                               yes    no     no     hidden yes    no     no     yes    hidden
changes.as_of.get                          yes    no     no     hidden yes    yes    yes    yes    hidden
changes.undo_all                           yes    no     no     hidden yes    no     no     yes    hidden
changes.undo a change of role              yes    no     no     hidden no     no     no     no     hidden
changes.undo Adam's removal of Mia         yes    yes    hidden hidden no     no     no     no     hidden
changes.undo the removal of an owner       yes    hidden no     hidden no     no     no     no     hidden
changes.undo a transfer                    yes    no     yes    hidden no     no     no     no     hidden
changes.undo an offer of ownership         yes    no     no     hidden no     no     no     no     hidden
changes.undo an invitation                 yes    no     no     hidden no     no     no     no     hidden
changes.undo a flag                        no     no     no     hidden no     yes    yes    yes    hidden
changes.undo a plan                        no     no     no     hidden no     yes    yes    yes    hidden
changes.undo a creation                    yes    hidden hidden hidden no     no     no     no     hidden
changes.undo a deletion                    no     no     no     hidden no     no     no     yes    hidden
changes.undo a limit                       no     no     no     hidden no     no     no     yes    hidden
changes.undo Sam's own note                hidden hidden hidden hidden hidden yes    hidden hidden hidden
changes.undo a staff role                  no     no     no     no     no     no     no     yes    no
changes.undo an account that was disabled  no     no     no     no     no     no     no     yes    no
staff.impersonation.start                  no     no     no     hidden no     no     no     yes    hidden
staff.impersonation.end                    no     no     no     hidden no     no     no     yes    hidden
accounts.administration.table              no     no     no     no     no     no     no     yes    no
accounts.administration.get                no     no     no     no     no     no     no     yes    no
members.account_access.set_staff           no     no     no     no     no     no     no     yes    no
members.account_access.disable             no     no     no     no     no     no     no     yes    no
accounts.administration.enable             no     no     no     no     no     no     no     yes    no
accounts.administration.end_sessions       no     no     no     no     no     no     no     yes    no
accounts.administration.reset_two_factor   no     no     no     no     no     no     no     yes    no
accounts.administration.open_link          no     no     no     no     no     no     no     yes    no
accounts.password_reset.make_link          no     no     no     no     no     no     no     yes    no
accounts.password_reset.send_link               no     no     no     no     no     no     no     yes    no
mail.administration.table                  no     no     no     no     no     no     no     yes    no
mail.administration.count_by_state                 no     no     no     no     no     no     no     yes    no
mail.administration.get                    no     no     no     no     no     no     no     yes    no
mail.administration.get_link               no     no     no     no     no     no     no     yes    no
mail.administration.retry                  no     no     no     no     no     no     no     yes    no
mail.administration.retry_failed           no     no     no     no     no     no     no     yes    no
mail.administration.cancel                 no     no     no     no     no     no     no     yes    no
"""
"""All rows are about Acme; Otto only has an organization of his own."""
ABOUT_ONESELF = {
    "members.acceptance.list_waiting",
    "mail.digests.find_preference",
    "mail.digests.set_preference",
    "accounts.rename",
    "accounts.set_letter_keys",
    "accounts.change_password",
    "accounts.list_guessable_words",
    "accounts.find_password_changed_at",
    "audit.activity.of_account",
    "accounts.end_session",
    "accounts.end_other_sessions",
    "members.leaving.delete_account",
    "accounts.two_factor.get_state",
    "accounts.two_factor.begin_setup",
    "accounts.two_factor.cancel_setup",
    "accounts.two_factor.confirm_setup",
    "accounts.two_factor.replace_recovery_codes",
    "accounts.two_factor.turn_off",
    "accounts.drafts.discard",
    "accounts.drafts.keep",
    "accounts.drafts.list_drafts",
    "accounts.uploads.get",
    "accounts.uploads.keep",
    "accounts.uploads.remove",
    "accounts.uploads.max_bytes",
}
"""Use cases about the actor only, which refuse no one."""
BY_PROOF = {
    "members.acceptance.accept_with_new_account",
    "profile.alert_address.confirm_alert_email",
    "accounts.password_reset.request_link",
    "accounts.password_reset.reset",
    "accounts.registration.set_up",
    "accounts.registration.create_administrator",
    "accounts.registration.sign_up",
    "accounts.registration.confirm_address",
}
"""Use cases without an actor: an emailed link, a code or the command line authorizes them."""

CALLED_BY_USE_CASES = {
    "audit.activity.authorize",
    "members.leaving.end_offers",
    "changes.entry_access.open_entry",
    "duplicates.merge_history.record",
    "duplicates.merging.open_merge",
    "duplicates.joining.find_merged",
    "access.merged.find_joined",
    "access.merged.list_read_together",
    "audit.activity.find_merged",
    "access.permissions.access",
    "access.permissions.access_staff",
    "access.permissions.find_organization",
    "access.permissions.find_impersonation_reason",
    "access.permissions.find_impersonation",
    "access.permissions.find_role",
    "access.permissions.has_merged",
    "access.merged.list_sources",
    "access.permissions.find_staff_role",
    "access.permissions.list_roles",
    "access.permissions.lock_self",
    "access.permissions.may",
    "access.permissions.staff_rights",
    "audit.history.record",
    "duplicates.merging.list_takeable",
    "imports.applying.apply_to_organization",
    "imports.existing.judge",
    "imports.existing.plan_of",
    "imports.plan_members.plan",
    "imports.plan_organizations.plan",
    "members.invitees.count_mails",
    "members.invitees.plan_mails",
    "members.leaving.end_membership",
    "members.member_mails.is_within_cap",
    "members.member_mails.notify",
    "members.member_mails.notify_owners",
    "members.member_mails.send_invitation",
    "members.membership_rows.list_organizations",
    "members.membership_rows.may_grant",
    "onboarding.flag_planned",
    "onboarding.stages.move",
    "organizations.csv_export.stream",
    "organizations.downloads.record_file",
    "organizations.organization_rows.make",
    "organizations.queries.authorize",
    "runs.advance.foresee",
    "runs.items.authorize",
    "runs.items.list_ids",
    "profile.alert_address.change",
}
"""Functions with an actor that are called by use cases and need no row of their own."""

OF_MEMBERS_THEMSELVES = {
    "members.leaving.is_last_owner",
    "members.leaving.leave",
    "members.ownership.offer",
    "changes.undo a creation",
}

PEOPLE = tuple(MATRIX.split()[:9])

Act = Callable[[Session, Actor, Cast], object]


def invited(session: Session, cast: Cast, role: Role = Role.MEMBER) -> Invitation:
    """Invite Otto as Olga."""
    acme, to = cast.acme.id, email(cast.otto)
    return invitations.invite(session, cast.olga, acme, to, role=role)[0]


def token(session: Session, cast: Cast) -> str:
    return crypto.token(invitation_rows.MAILED, invited(session, cast).nonce)


A_PLAN = plans.Plan(
    What.ORGANIZATIONS,
    "new.csv",
    ["Name", "Owner email"],
    ["name", "owner_email"],
    [
        plans.PlannedRow(
            2, ["New"], plans.Outcome.NEW, "New", edits={"name": "New", "owner_email": "a@x.org"}
        )
    ],
)


def an_import(session: Session, actor: Actor, cast: Cast) -> Run:
    """Propose an import as the actor, or as Oda for those who may not."""
    may_import = Action.IMPORT in staff_rights(session, actor)
    return imports.propose(session, actor if may_import else cast.oda, A_PLAN, reason="")


def about_an_import(name: str, *args: Any) -> Act:
    return lambda session, actor, cast: use_case(name)(
        session, actor, an_import(session, actor, cast).id, *args
    )


def second_owner(session: Session, cast: Cast) -> int:
    """Add a second owner, so that one can leave."""
    new = user_rows.NewAccount("Oona", "oona@example.com", "")
    oona = user_rows.create(session, new, is_confirmed=True)
    membership_rows.make(session, cast.acme, oona.id, Role.OWNER)
    return oona.id


def in_onboarding(session: Session, cast: Cast) -> int:
    onboarding.flag(session, cast.sam, [cast.acme.id])
    return cast.acme.id


def deleted(session: Session, cast: Cast) -> int:
    organizations.delete(session, ORGDESK, cast.acme.id, name=cast.acme.name)
    return cast.acme.id


def merged(session: Session, cast: Cast) -> int:
    """Merge Otto Ltd into Acme as Oda, and return its id."""
    merging.merge(session, cast.oda, cast.otto_ltd.id, cast.acme.id, reason="The same company.")
    return cast.otto_ltd.id


def merged_and_apart(session: Session, cast: Cast) -> None:
    merging.undo_merge(session, cast.oda, merged(session, cast), reason="Two companies.")


def offered(session: Session, cast: Cast) -> int:
    """Offer Mia the ownership as Olga."""
    return ownership.offer(session, cast.olga, cast.acme.id, cast.mia.user_id or 0).id


def removed(session: Session, cast: Cast) -> int:
    """Make Otto a former member."""
    membership_rows.make(session, cast.acme, cast.otto.user_id or 0, Role.MEMBER)
    return members.remove(session, ORGDESK, cast.acme.id, cast.otto.user_id or 0).user_id


def a_mail(session: Session, cast: Cast) -> int:
    invited(session, cast)
    return session.scalars(select(Mail.id).where(Mail.template == "invitation")).first() or 0


def about_view(called: str, /, *args: Any, for_all: bool = True, **options: Any) -> Act:
    """Return a call of a use case with a view that Sue saved."""

    def act(session: Session, actor: Actor, cast: Cast) -> object:
        view = saved_views.save(session, cast.sue, "organizations", "Hers", "", is_shared=for_all)
        return use_case(called)(session, actor, view.id, *args, **options)

    return act


def a_note(session: Session, cast: Cast) -> int:
    """Write a note about Acme as Sam."""
    return notes.write(session, cast.sam, cast.acme.id, "They call back.").id


def about_acme(called: str, /, *args: Any, **options: Any) -> Act:
    """Return a call of a use case with Acme, such as `members.table`."""
    return lambda session, actor, cast: use_case(called)(
        session, actor, cast.acme.id, *args, **options
    )


def about_invitation(name: str, *args: Any, role: Role = Role.MEMBER) -> Act:
    return lambda session, actor, cast: use_case(name)(
        session, actor, cast.acme.id, invited(session, cast, role).id, *args
    )


def about_offer(name: str) -> Act:
    return lambda session, actor, cast: use_case(name)(
        session, actor, cast.acme.id, offered(session, cast)
    )


def alone(name: str, *args: Any, **options: Any) -> Act:
    return lambda session, actor, _cast: use_case(name)(session, actor, *args, **options)


def about_both(name: str) -> Act:
    """Return a call of a use case with both organizations of the cast."""
    return lambda session, actor, cast: use_case(name)(
        session, actor, cast.acme.id, cast.otto_ltd.id
    )


def about_sam(name: str, *args: Any) -> Act:
    return lambda session, actor, cast: use_case(name)(session, actor, cast.sam.user_id, *args)


def about_a_run(name: str) -> Act:
    """Return a call of a use case with a run that Sam started."""
    return lambda session, actor, cast: use_case(name)(
        session, actor, bulk_flag.start(session, cast.sam, EVERYTHING, Plan(), expected=99).id
    )


def about_a_done_run(name: str, **options: Any) -> Act:
    """Return a call of a use case with a run in which Sam has flagged Acme."""

    def act(session: Session, actor: Actor, cast: Cast) -> object:
        with change_tracking.because(session, run_id=99):
            in_onboarding(session, cast)
        return use_case(name)(session, actor, 99, **options)

    return act


def edited(field: Field) -> Act:
    """Return a call that proposes to clear a field of all organizations."""
    return alone("bulk_edit.propose", EVERYTHING, {field: None}, reason="They told us.")


def confirmed(session: Session, actor: Actor, cast: Cast) -> object:
    """Confirm what Sam has proposed."""
    run = proposed(session, cast.sam, cast)
    return runs.confirm(session, actor, run.id, shown=1)


def proposed(session: Session, actor: Actor, cast: Cast) -> Run:
    """Propose to flag Acme."""
    params = bulk_flag.PlanParams(rep_id=cast.sam.user_id or 0)
    return runs.propose(session, actor, bulk_flag.FLAG, params, [NewItem(cast.acme.id)])


def about_mail(name: str, **options: Any) -> Act:
    return lambda session, actor, cast: use_case(name)(
        session, actor, a_mail(session, cast), **options
    )


def by_link(name: str) -> Act:
    return lambda session, actor, cast: use_case(name)(session, actor, token(session, cast))


def use_case(name: str) -> Callable[..., object]:
    package, *module, function = name.split(".")
    found: Callable[..., object] = getattr(
        import_module(f"core.{package}.{(module or [package])[0]}"), function
    )
    return found


def undoing(change: Callable[[Session, Cast], object]) -> Act:
    """Return the undo of the last entry of a change, with all that is asked for."""

    def act(session: Session, actor: Actor, cast: Cast) -> object:
        change(session, cast)
        entry = last_entry(session)
        person = session.get(User, actor.user_id)
        proof = VerifiedPassword(person.id, person.password_epoch) if person else None
        name = session.get_one(Organization, entry.org_id).name if entry.org_id else ""
        return changes.undo(
            session, actor, entry.id, reason="A slip of the hand.", name=name, proof=proof
        )

    return act


def a_phone(session: Session, cast: Cast) -> int:
    """Let Olga change the phone of Acme, and return the entry."""
    shown = profile.form_texts(session.get_one(Organization, cast.acme.id))
    typed = shown | {"phone": "+1 212 555 0100"}
    profile.save(session, cast.olga, cast.acme.id, shown, typed)
    return last_entry(session).id


def a_transfer(session: Session, cast: Cast) -> object:
    """Let Adam become an owner and hand that over to Mia."""
    acme, mia = cast.acme.id, cast.mia.user_id or 0
    members.change_role(session, cast.olga, acme, cast.adam.user_id or 0, Role.OWNER)
    offer = ownership.offer(session, cast.adam, acme, mia)
    return ownership.accept(session, cast.mia, acme, offer.id)


def removed_owner(session: Session, cast: Cast) -> object:
    """Let Adam become an owner and be removed."""
    acme, adam = cast.acme.id, cast.adam.user_id or 0
    members.change_role(session, cast.olga, acme, adam, Role.OWNER)
    return members.remove(session, cast.olga, acme, adam)


def undoing_all(session: Session, actor: Actor, cast: Cast) -> object:
    """Undo a list of entries, and raise what the first was refused for."""
    entry_id = a_phone(session, cast)
    outcome = changes.undo_all(session, actor, [entry_id], reason="A slip of the hand.")
    return outcome.done or changes.undo(session, actor, entry_id, reason="A slip of the hand.")


def in_excerpt(change: Callable[[Session, Cast], object], seen: str) -> Act:
    """Return a look at the latest changes, which is refused if none begins like this."""

    def act(session: Session, actor: Actor, cast: Cast) -> object:
        change(session, cast)
        found = activity.latest(session, actor, cast.acme.id)
        if not found["what"].str.startswith(seen).any():
            raise NotPermitted("see this change")
        return found

    return act


def that_finds(name: str, look_for: Callable[[Cast], object]) -> Act:
    """Return a search that is as good as refused if it finds nothing."""

    def act(session: Session, actor: Actor, cast: Cast) -> object:
        found = use_case(name)(session, actor, look_for(cast))
        if not found:
            raise NotFound("organization")
        return found

    return act


EVERYTHING = Selection((), Filters())
PICTURE = SimpleNamespace(digest="0" * 64, png=b"png", thumbnail=b"png")
ACTS: dict[str, Act] = {
    "audit.changes.has_changed": alone("audit.changes.has_changed", [1], clock.now()),
    "changes.as_of.get": about_acme("changes.as_of.get", clock.now()),
    "members.table by role": about_acme("members.table", sort=members.Sort.ROLE),
    "members.table by last seen": about_acme("members.table", sort=members.Sort.SEEN),
    "members.bulk.change_roles": lambda session, actor, cast: use_case("members.bulk.change_roles")(
        session, actor, cast.acme.id, [cast.mia.user_id], Role.ADMIN
    ),
    "members.bulk.remove": lambda session, actor, cast: use_case("members.bulk.remove")(
        session, actor, cast.acme.id, [cast.mia.user_id]
    ),
    "duplicates.candidates.compare": about_both("duplicates.candidates.compare"),
    "duplicates.candidates.dismiss": about_both("duplicates.candidates.dismiss"),
    "duplicates.candidates.restore": about_both("duplicates.candidates.restore"),
    "duplicates.merging.merge": lambda session, actor, cast: use_case("duplicates.merging.merge")(
        session, actor, cast.otto_ltd.id, cast.acme.id, reason="The same company."
    ),
    "duplicates.merging.undo_merge": lambda session, actor, cast: use_case(
        "duplicates.merging.undo_merge"
    )(session, actor, merged(session, cast), reason="Two companies."),
    "duplicates.joining.ask_to_join": lambda session, actor, cast: use_case(
        "duplicates.joining.ask_to_join"
    )(session, actor, session.get_one(Organization, merged(session, cast)).public_id),
    "changes.undo a merge": undoing(merged),
    "changes.undo the undo of a merge": undoing(merged_and_apart),
    "imports.planning.plan": alone(
        "imports.planning.plan", What.ORGANIZATIONS, Sheet(["Name"], []), ["name"]
    ),
    "imports.propose": alone("imports.propose", A_PLAN, reason=""),
    "imports.confirm": lambda session, actor, cast: use_case("imports.confirm")(
        session, actor, an_import(session, actor, cast).id, digest=""
    ),
    "imports.find_columns": alone("imports.find_columns", What.ORGANIZATIONS, ["Name"]),
    "imports.results.find": about_an_import("imports.results.find"),
    "imports.results.get": about_an_import("imports.results.get"),
    "imports.results.table": about_an_import("imports.results.table", plans.Outcome.NEW),
    "imports.results.rejects": about_an_import("imports.results.rejects"),
    "imports.member_invitations.invite": about_acme(
        "imports.member_invitations.invite", "imported@example.com", run_id=1
    ),
    "imports.member_invitations.revoke": about_acme("imports.member_invitations.revoke", 1),
    "imports.unclaimed.add": alone(
        "imports.unclaimed.add",
        {"name": "Imported", "owner_email": "imported@example.com"},
        run_id=1,
    ),
    "imports.unclaimed.invite_owner": about_acme(
        "imports.unclaimed.invite_owner", "imported@example.com"
    ),
    "members.change_role": lambda session, actor, cast: use_case("members.change_role")(
        session, actor, cast.acme.id, cast.mia.user_id, Role.ADMIN
    ),
    "members.remove": lambda session, actor, cast: use_case("members.remove")(
        session, actor, cast.acme.id, cast.mia.user_id
    ),
    "members.remove an owner": lambda session, actor, cast: use_case("members.remove")(
        session, actor, cast.acme.id, second_owner(session, cast)
    ),
    "members.leaving.leave": lambda session, actor, cast: use_case("members.leaving.leave")(
        session, actor, cast.acme.id
    ),
    "members.reinstate": lambda session, actor, cast: use_case("members.reinstate")(
        session, actor, cast.acme.id, removed(session, cast)
    ),
    "members.ownership.offer": lambda session, actor, cast: use_case("members.ownership.offer")(
        session, actor, cast.acme.id, cast.mia.user_id
    ),
    "members.ownership.withdraw": about_offer("members.ownership.withdraw"),
    "members.ownership.give_back": lambda session, actor, cast: ownership.give_back(
        session, actor, cast.acme.id, {cast.olga.user_id: Role.OWNER, cast.mia.user_id: Role.ADMIN}
    ),
    "changes.plan": lambda session, actor, cast: changes.plan(
        session, actor, [a_phone(session, cast)]
    ),
    "changes.undo": undoing(a_phone),
    "changes.undo_all": undoing_all,
    "changes.undo a change of role": undoing(
        lambda session, cast: members.change_role(
            session, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN
        )
    ),
    "changes.undo Adam's removal of Mia": undoing(
        lambda session, cast: members.remove(session, cast.adam, cast.acme.id, cast.mia.user_id)
    ),
    "changes.undo the removal of an owner": undoing(removed_owner),
    "changes.undo a transfer": undoing(a_transfer),
    "changes.undo an offer of ownership": undoing(offered),
    "changes.undo an invitation": undoing(invited),
    "changes.undo a flag": undoing(in_onboarding),
    "changes.undo a plan": undoing(
        lambda session, cast: onboarding.plan(
            session, cast.sam, cast.acme.id, Plan(rep_id=cast.sue.user_id)
        )
    ),
    "changes.undo a creation": undoing(
        lambda session, cast: organizations.create(session, cast.olga, "A new one")
    ),
    "changes.undo a deletion": undoing(deleted),
    "changes.undo a limit": undoing(
        lambda session, cast: organizations.limit_members(session, cast.ada, cast.acme.id, 50)
    ),
    "changes.undo Sam's own note": undoing(a_note),
    "changes.undo a staff role": undoing(
        lambda session, cast: account_access.set_staff(
            session, cast.ada, cast.otto.user_id, Staff.SALES
        )
    ),
    "changes.undo an account that was disabled": undoing(
        lambda session, cast: account_access.disable(session, cast.ada, cast.otto.user_id)
    ),
    "members.ownership.accept": about_offer("members.ownership.accept"),
    "members.ownership.decline": about_offer("members.ownership.decline"),
    "members.ownership.assign_owner": about_acme(
        "members.ownership.assign_owner", "mia@example.com", reason="Gone"
    ),
    "organizations.limit_members": about_acme("organizations.limit_members", 50),
    "members.invitations.invite": about_acme("members.invitations.invite", "new@example.com"),
    "members.invitations.invite an owner": about_acme(
        "members.invitations.invite", "new@example.com", role=Role.OWNER
    ),
    "members.invitations.resend": about_invitation("members.invitations.resend"),
    "members.invitations.get_link": about_invitation("members.invitations.get_link"),
    "members.invitations.change_role": about_invitation(
        "members.invitations.change_role", Role.ADMIN
    ),
    "members.invitations.revoke": about_invitation("members.invitations.revoke"),
    "members.invitations.revoke an owner's": about_invitation(
        "members.invitations.revoke", role=Role.OWNER
    ),
    "members.acceptance.get_invitation": by_link("members.acceptance.get_invitation"),
    "members.acceptance.accept": by_link("members.acceptance.accept"),
    "members.acceptance.decline": by_link("members.acceptance.decline"),
    "organizations.create": alone("organizations.create", "Newcomer"),
    "organizations.quick_search.find_organizations": that_finds(
        "organizations.quick_search.find_organizations", lambda cast: cast.acme.public_id
    ),
    "organizations.quick_search.find_people": that_finds(
        "organizations.quick_search.find_people", lambda _cast: "mia@example.com"
    ),
    "organizations.quick_search.list_opened": that_finds(
        "organizations.quick_search.list_opened", lambda cast: [cast.acme.public_id]
    ),
    "organizations.list_similar_names": alone("organizations.list_similar_names", "Acme"),
    "organizations.delete": about_acme("organizations.delete", name="Acme"),
    "organizations.restore": lambda session, actor, cast: use_case("organizations.restore")(
        session, actor, deleted(session, cast)
    ),
    "organizations.table.table": alone("organizations.table.table", Filters()),
    "organizations.worklist.neighbors": alone(
        "organizations.worklist.neighbors", Filters(), Position(1, 1), 1
    ),
    "organizations.worklist.displayed_neighbors": alone(
        "organizations.worklist.displayed_neighbors", Displayed("board"), "ORG-2222222"
    ),
    "organizations.worklist.list_others": alone("organizations.worklist.list_others", Filters()),
    "organizations.worklist.visit": alone("organizations.worklist.visit", Filters()),
    "organizations.downloads.summary_csv": alone(
        "organizations.downloads.summary_csv", "Title", pd.DataFrame(), filters=Filters()
    ),
    "organizations.downloads.summary_csv of one": lambda session, actor, cast: use_case(
        "organizations.downloads.summary_csv"
    )(session, actor, "Title", pd.DataFrame(), org_id=cast.acme.id),
    "organizations.downloads.summary_csv own": alone(
        "organizations.downloads.summary_csv", "Title", pd.DataFrame(), filters=None
    ),
    "organizations.downloads.begin": alone("organizations.downloads.begin", Filters(), Format.CSV),
    "organizations.statistics.count_by_stage": alone(
        "organizations.statistics.count_by_stage", Filters()
    ),
    "organizations.statistics.memberships": alone(
        "organizations.statistics.memberships", Filters()
    ),
    "organizations.export_process.write": alone(
        "organizations.export_process.write", Filters(), Format.CSV, BytesIO()
    ),
    "organizations.export_process.write deleted": alone(
        "organizations.export_process.write", Filters(is_deleted=True), Format.CSV, BytesIO()
    ),
    "profile.save": about_acme("profile.save", {"overview": ""}, {"overview": "We heal."}),
    "profile.logos.set_logo": about_acme("profile.logos.set_logo", PICTURE),
    "profile.directory.list_in_solutions": about_acme(
        "profile.directory.list_in_solutions", listed=False
    ),
    "staff.notes.write": about_acme("staff.notes.write", "They call back."),
    "staff.notes.edit": lambda session, actor, cast: use_case("staff.notes.edit")(
        session, actor, a_note(session, cast), "They called back."
    ),
    "staff.notes.delete": lambda session, actor, cast: use_case("staff.notes.delete")(
        session, actor, a_note(session, cast)
    ),
    "notifications.alerts.choose": about_acme("notifications.alerts.choose", []),
    "onboarding.flag": lambda session, actor, cast: use_case("onboarding.flag")(
        session, actor, [cast.acme.id], Plan(cast.sue.user_id)
    ),
    "onboarding.flag_one": about_acme("onboarding.flag_one"),
    "onboarding.move": lambda session, actor, cast: use_case("onboarding.move")(
        session,
        actor,
        in_onboarding(session, cast),
        Stage.FREE,
        from_stage=Stage.ONBOARDING,
        reason="They asked for it.",
    ),
    "onboarding.move with override": lambda session, actor, cast: use_case("onboarding.move")(
        session,
        actor,
        in_onboarding(session, cast),
        Stage.PREPRODUCTION,
        from_stage=Stage.ONBOARDING,
        reason="The contract is signed.",
        override=True,
    ),
    "onboarding.plan": lambda session, actor, cast: use_case("onboarding.plan")(
        session, actor, in_onboarding(session, cast), Plan(cast.sue.user_id, None, "Call them")
    ),
    "onboarding.set_next_step": lambda session, actor, cast: use_case("onboarding.set_next_step")(
        session,
        actor,
        in_onboarding(session, cast),
        rep_id=cast.sue.user_id,
        next_step="Call them",
        next_step_on=None,
    ),
    "onboarding.snooze": lambda session, actor, cast: use_case("onboarding.snooze")(
        session, actor, in_onboarding(session, cast), until=working_days.today() + timedelta(3)
    ),
    "onboarding.statistics.load_charts": alone("onboarding.statistics.load_charts", Period.QUARTER),
    "onboarding.board.list_ids": alone(
        "onboarding.board.list_ids", BoardQuery(), Column.ONBOARDING, limit=1
    ),
    "onboarding.board.load": alone("onboarding.board.load", BoardQuery()),
    "staff.saved_views.save": alone("staff.saved_views.save", "organizations", "All", "sort=name"),
    "staff.saved_views.visit": about_view("staff.saved_views.visit"),
    "staff.saved_views.visit Sue's own": about_view("staff.saved_views.visit", for_all=False),
    "staff.saved_views.rename": about_view("staff.saved_views.rename", "Theirs"),
    "staff.saved_views.replace": about_view("staff.saved_views.replace", "sort=name"),
    "staff.saved_views.share": about_view("staff.saved_views.share", is_shared=False),
    "staff.saved_views.remove": about_view("staff.saved_views.remove"),
    "staff.saved_views.set_default": alone("staff.saved_views.set_default", "organizations", None),
    "staff.saved_views.find_default": alone("staff.saved_views.find_default", "organizations"),
    "staff.saved_view_lists.table": alone("staff.saved_view_lists.table", "organizations"),
    "onboarding.bulk_flag.count": alone("onboarding.bulk_flag.count", EVERYTHING),
    "onboarding.bulk_flag.start": lambda session, actor, cast: use_case(
        "onboarding.bulk_flag.start"
    )(session, actor, EVERYTHING, Plan(cast.sam.user_id), expected=99),
    "bulk_edit.propose contact details": edited(Field.PHONE),
    "bulk_edit.propose a plan": edited(Field.NEXT_STEP),
    "bulk_edit.propose alerts": edited(Field.ALERTS),
    "bulk_edit.fields.count_values": alone("bulk_edit.fields.count_values", EVERYTHING),
    "changes.run_undo.propose": about_a_done_run("changes.run_undo.propose", reason="A mistake."),
    "changes.run_undo.start": about_a_done_run(
        "changes.run_undo.start", reason="A mistake.", shown=1
    ),
    "notifications.alerts.choose_for_owners": about_acme(
        "notifications.alerts.choose_for_owners", [], reason="They asked for it."
    ),
    "runs.propose": proposed,
    "runs.confirm Sam's": confirmed,
    "runs.cancel Sam's": about_a_run("runs.cancel"),
    "runs.resume Sam's": about_a_run("runs.resume"),
    "runs.dismiss Sam's": about_a_run("runs.dismiss"),
    "runs.get Sam's": about_a_run("runs.get"),
    "runs.items.refusals_csv of Sam's": about_a_run("runs.items.refusals_csv"),
    "runs.items.list_refusals of Sam's": about_a_run("runs.items.list_refusals"),
    "audit.activity.latest of a role": in_excerpt(
        lambda session, cast: [
            members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id or 0, role)
            for role in (Role.ADMIN, Role.MEMBER)
        ],
        "changed the role of Mia from",
    ),
    "audit.activity.latest of an invitation": in_excerpt(invited, "invited "),
    "audit.activity.latest of a phone's value": in_excerpt(
        lambda session, cast: profile.save(
            session, cast.olga, cast.acme.id, {"phone": ""}, {"phone": "+15072842511"}
        ),
        "set the phone to +1 507-284-2511",
    ),
    "audit.activity.table of one": lambda session, actor, cast: use_case("audit.activity.table")(
        session, actor, org_id=cast.acme.id
    ),
    "audit.csv_export.begin": alone("audit.csv_export.begin", queries.EVERYTHING),
    "audit.csv_export.begin of one": lambda session, actor, cast: use_case(
        "audit.csv_export.begin"
    )(session, actor, queries.EVERYTHING, org_id=cast.acme.id),
    "audit.csv_export.write": alone("audit.csv_export.write", queries.EVERYTHING, BytesIO()),
    "audit.csv_export.write of one": lambda session, actor, cast: use_case(
        "audit.csv_export.write"
    )(session, actor, queries.EVERYTHING, BytesIO(), org_id=cast.acme.id),
    "audit.receipts.begin": about_acme("audit.receipts.begin"),
    "audit.receipts.make": about_acme("audit.receipts.make"),
    "profile.save_contact_details": about_acme(
        "profile.save_contact_details",
        {"phone": ""},
        {"phone": "+1 212 555 0100"},
        reason="They called.",
    ),
    "staff.impersonation.start": about_acme(
        "staff.impersonation.start", reason="They asked for help."
    ),
    "accounts.administration.get": about_sam("accounts.administration.get"),
    "members.account_access.set_staff": about_sam("members.account_access.set_staff", Staff.OPS),
    "members.account_access.disable": about_sam("members.account_access.disable"),
    "accounts.administration.enable": about_sam("accounts.administration.enable"),
    "accounts.administration.end_sessions": about_sam("accounts.administration.end_sessions"),
    "accounts.administration.reset_two_factor": lambda session, actor, cast: use_case(
        "accounts.administration.reset_two_factor"
    )(session, actor, cast.sam.user_id, reason="The phone is lost."),
    "accounts.password_reset.send_link": about_sam("accounts.password_reset.send_link"),
    "accounts.password_reset.make_link": lambda session, actor, cast: use_case(
        "accounts.password_reset.make_link"
    )(session, actor, email(cast.sam)),
    "accounts.administration.open_link": about_mail(
        "accounts.administration.open_link", reason="They asked for help."
    ),
    "mail.administration.get_link": about_mail("mail.administration.get_link"),
    "mail.administration.get": about_mail("mail.administration.get"),
    "mail.administration.retry": about_mail("mail.administration.retry"),
    "mail.administration.cancel": about_mail("mail.administration.cancel"),
}


def act_of(name: str) -> Act:
    """Return the call of a row: from ACTS, or of the use case with Acme or without arguments."""
    if name in ACTS:
        return ACTS[name]
    arguments = inspect.getfullargspec(use_case(name)).args
    return about_acme(name) if "org_id" in arguments else alone(name)


def rows() -> Iterator[tuple[str, list[str]]]:
    for line in MATRIX.strip().splitlines()[2:]:
        words = line.split()
        yield " ".join(words[:-9]), words[-9:]


def outcome(act: Act, actor: Actor, cast: Cast) -> str:
    """Call it, roll back, and return the outcome; with the permission, other rules may refuse."""
    with db.Session(db.writing_engine(), info={"writing": True}) as session:
        try:
            act(session, actor, cast)
        except NotFound:
            return "hidden"
        except (CannotUndo, NotPermitted, RoleTooHigh, WrongInvitee):
            return "no"
        except (AlreadyClaimed, GateNotMet, ProposalExpired, HasOwner, InvalidInput, LastOwner):
            return "yes"
        finally:
            session.rollback()
    return "yes"


def rows_by_engine() -> Iterator[Any]:
    """Yield all rows for SQLite; PostgreSQL, which asks the same code, gets some of them."""
    for engine, judged in {"sqlite": [*rows()], "postgresql": sample([*rows()], 5)}.items():
        yield from (pytest.param(engine, *row, id=f"{engine}-{row[0]}") for row in judged)


@pytest.mark.parametrize(("engine", "name", "expected"), [*rows_by_engine()], indirect=["engine"])
def test_the_matrix(engine: Engine, cast: Cast, name: str, expected: list[str]) -> None:
    people = [getattr(cast, person, ANONYMOUS) for person in PEOPLE]
    met = [outcome(act_of(name), person, cast) for person in people]
    assert dict(zip(PEOPLE, met, strict=True)) == dict(zip(PEOPLE, expected, strict=True))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_an_impersonator_has_the_rights_of_both_roles(engine: Engine, cast: Cast) -> None:
    """Ada impersonates an owner of Acme, except for use cases about one's own membership."""
    db.run(impersonation.start, cast.ada, cast.acme.id, reason="They asked for help.")
    met, either = {}, {}
    for name, (olga, *others) in rows():
        if name not in OF_MEMBERS_THEMSELVES:
            ada = others[PEOPLE.index("ada") - 1]
            either[name] = "yes" if "yes" in (olga, ada) else ada
            met[name] = outcome(act_of(name), cast.ada, cast)
    assert met == either


def list_use_cases() -> Iterator[str]:
    """Yield every public function of core that takes an actor, as MATRIX names it."""
    for package in pkgutil.walk_packages(core.__path__, "core."):
        module = import_module(package.name)
        for function, value in inspect.getmembers(module, inspect.isfunction):
            parameters = list(inspect.signature(value).parameters.values())
            acts = len(parameters) > 1 and parameters[1].annotation is Actor
            if acts and value.__module__ == package.name and not function.startswith("_"):
                yield re.sub(r"^core\.(\w+)(\.\1)?\b", r"\1", f"{package.name}.{function}")


def test_every_use_case_has_its_row() -> None:
    judged = {" ".join(name.split()[:1]) for name, _ in rows()}
    excused = ABOUT_ONESELF | BY_PROOF | CALLED_BY_USE_CASES
    assert set(list_use_cases()) - judged - excused == set()


def test_every_row_is_about_an_existing_use_case() -> None:
    judged = {name.split()[0] for name, _ in rows()}
    assert len(judged | ABOUT_ONESELF | BY_PROOF) >= 123  # as many as before core had packages
    judged |= ABOUT_ONESELF | BY_PROOF | CALLED_BY_USE_CASES
    assert judged - set(list_use_cases()) == set()


class TestTheTable:
    def test_it_has_every_action(self) -> None:
        assert set(ALLOWED) == set(Action)

    def test_higher_roles_have_more_rights(self) -> None:
        assert rights_of(Role.MEMBER) < rights_of(Role.ADMIN) < rights_of(Role.OWNER)

    def test_without_a_role_there_are_no_rights(self) -> None:
        assert rights_of(None) == frozenset()

    def test_both_roles_of_a_person_count(self) -> None:
        both = rights_of(Role.MEMBER, Staff.SALES)
        assert both == rights_of(Role.MEMBER) | rights_of(None, Staff.SALES)

    @pytest.mark.parametrize("action", Action)
    def test_every_refusal_is_a_sentence(self, action: Action) -> None:
        assert str(NotPermitted(action.value)).startswith(
            f"You don't have permission to {action.value}. Ask "
        )


class TestAccess:
    def test_a_disabled_person_is_an_outsider(self, session: Session, cast: Cast) -> None:
        disabled = update(User).where(User.id == cast.olga.user_id)
        session.execute(
            disabled.values(disabled_at=cast.acme.created_at).execution_options(unrecorded=True)
        )
        with pytest.raises(NotFound):
            access(session, cast.olga, cast.acme.id, Action.VIEW)
        assert not may(session, cast.olga, cast.acme.id, Action.VIEW)
        assert find_organization(session, cast.olga, cast.acme.public_id) is None

    def test_disabled_staff_has_no_rights(self, session: Session, cast: Cast) -> None:
        disabled = update(User).where(User.id == cast.sam.user_id)
        session.execute(
            disabled.values(disabled_at=cast.acme.created_at).execution_options(unrecorded=True)
        )
        assert staff_rights(session, cast.sam) == frozenset()
        with pytest.raises(NotPermitted):
            access_staff(session, cast.sam, Action.MOVE_STAGES)

    def test_outsiders_and_unknown_ids_get_the_same_refusal(
        self, session: Session, cast: Cast
    ) -> None:
        refusals = []
        for org_id in (cast.acme.id, 999_999):
            with pytest.raises(NotFound) as refused:
                access(session, cast.otto, org_id, Action.VIEW)
            refusals.append(str(refused.value))
        assert refusals[0] == refusals[1]

    @pytest.mark.parametrize(
        ("action", "who"),
        [(Action.EDIT_PROFILE, "an owner"), (Action.OVERRIDE_GATE, "an administrator")],
    )
    def test_a_refusal_names_who_can_do_it(
        self, session: Session, cast: Cast, action: Action, who: str
    ) -> None:
        with pytest.raises(NotPermitted, match=f"Ask {who} to do it"):
            access(session, cast.oda, cast.acme.id, action)

    def test_a_new_role_takes_effect_in_the_next_transaction(
        self, session: Session, cast: Cast
    ) -> None:
        access(session, cast.adam, cast.acme.id, Action.INVITE)
        lowered = update(Membership).where(Membership.user_id == cast.adam.user_id)
        session.execute(lowered.values(role=Role.MEMBER).execution_options(unrecorded=True))
        with pytest.raises(NotPermitted):
            access(session, cast.adam, cast.acme.id, Action.INVITE)

    def test_a_row_is_locked_once_and_again_after_a_savepoint_that_was_rolled_back(
        self, engine: Engine, session: Session, cast: Cast
    ) -> None:
        def lock() -> None:
            access(session, cast.olga, cast.acme.id, Action.VIEW)

        with recorded(engine) as sent:
            with change_tracking.savepoint(session, keeps=False):
                lock()
                lock()
            lock()
            lock()
        assert sum(statement.startswith("UPDATE organizations") for statement in sent) == 2

    def test_only_restore_finds_a_deleted_organization(self, session: Session, cast: Cast) -> None:
        deleted(session, cast)
        with pytest.raises(NotFound):
            access(session, cast.olga, cast.acme.id, Action.VIEW)
        assert access(session, cast.ada, cast.acme.id, Action.RESTORE).id == cast.acme.id
