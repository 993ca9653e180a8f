"""Every table of Orgdesk, a file per domain; `from core.models import User` finds each."""

from core.models.access import Impersonation, Lock, Throttle
from core.models.accounts import (
    Challenge,
    Draft,
    Link,
    RecoveryCode,
    SecondFactor,
    Session,
    Upload,
    User,
)
from core.models.audit import ChainHead, Checkpoint, Entry, EntryText, SecretKey
from core.models.duplicates import (
    DuplicateGroup,
    DuplicateKey,
    DuplicatePair,
    NotDuplicate,
    UnmatchedOrganization,
)
from core.models.enums import Alert, InvitationStatus, ItemState, Role, RunStatus, Staff, Stage
from core.models.mail import Digest, DigestItem, LastNotification, Mail
from core.models.members import FormerMembership, Handover, Invitation, Membership
from core.models.onboarding import CohortCount, Move, MoveCount, StageCount, StayCount
from core.models.organizations import Logo, Organization
from core.models.orm import Audited, Base
from core.models.runs import Run, RunItem
from core.models.staff import DefaultView, ListVisit, Note, SavedView, ViewVisit

__all__ = [
    "Alert",
    "Audited",
    "Base",
    "ChainHead",
    "Challenge",
    "Checkpoint",
    "CohortCount",
    "DefaultView",
    "Digest",
    "DigestItem",
    "Draft",
    "DuplicateGroup",
    "DuplicateKey",
    "DuplicatePair",
    "Entry",
    "EntryText",
    "FormerMembership",
    "Handover",
    "Impersonation",
    "Invitation",
    "InvitationStatus",
    "ItemState",
    "LastNotification",
    "Link",
    "ListVisit",
    "Lock",
    "Logo",
    "Mail",
    "Membership",
    "Move",
    "MoveCount",
    "NotDuplicate",
    "Note",
    "Organization",
    "RecoveryCode",
    "Role",
    "Run",
    "RunItem",
    "RunStatus",
    "SavedView",
    "SecondFactor",
    "SecretKey",
    "Session",
    "Staff",
    "Stage",
    "StageCount",
    "StayCount",
    "Throttle",
    "UnmatchedOrganization",
    "Upload",
    "User",
    "ViewVisit",
]
