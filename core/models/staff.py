"""Notes, saved views, and when and how each is used."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.orm import NEVER_REUSE_IDS, UNRECORDED, Audited, Base, sorted_by_bytes


class Note(Audited, Base):
    """A staff note about an organization, optionally shared with its members."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[int] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    search_text: Mapped[str] = mapped_column(Text, info=UNRECORDED)
    is_shared: Mapped[bool]
    """Whether members of the organization can read it; set when it is written."""
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_notes_org_id_id", "org_id", "id"), NEVER_REUSE_IDS)


class SavedView(Audited, Base):
    """A saved view of a list: its page and the query of its URL."""

    __tablename__ = "saved_views"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    page: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(sorted_by_bytes(400), info=UNRECORDED)
    query: Mapped[str] = mapped_column(String(2000))
    is_shared: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("owner_id", "page", "name_key"),
        Index(
            "ix_saved_views_shared",
            "page",
            "id",
            sqlite_where=text("is_shared"),
            postgresql_where=text("is_shared"),
        ),
        NEVER_REUSE_IDS,
    )


class ViewVisit(Base):
    """A user's last visit of a view, and the newest organization at that time."""

    __tablename__ = "view_visits"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    view_id: Mapped[int] = mapped_column(
        ForeignKey("saved_views.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    at: Mapped[datetime]
    last_org_id: Mapped[int]


class DefaultView(Base):
    """The view that a page opens with for a user."""

    __tablename__ = "default_views"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    page: Mapped[str] = mapped_column(String(20), primary_key=True)
    view_id: Mapped[int] = mapped_column(
        ForeignKey("saved_views.id", ondelete="CASCADE"), index=True
    )


class ListVisit(Base):
    """When a person last worked on a list of organizations, opening one after the other."""

    __tablename__ = "list_visits"

    list: Mapped[str] = mapped_column(String(64), primary_key=True)
    """A hash of its filters."""
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    at: Mapped[datetime] = mapped_column(index=True)
