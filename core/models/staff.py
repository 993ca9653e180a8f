"""What staff keeps for itself: notes and saved views."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.orm import UNIQUE_FOREVER, UNRECORDED, Audited, Base


class Note(Audited, Base):
    """What somebody who works here writes about an organization, for staff or for all of it."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[int] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    search_text: Mapped[str] = mapped_column(Text, info=UNRECORDED)
    is_shared: Mapped[bool]
    """Whether the organization sees it; decided once, when it is written."""
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_notes_org_id_id", "org_id", "id"), UNIQUE_FOREVER)


class SavedView(Audited, Base):
    """A list as somebody wants to find it again: its page, and the query of its address."""

    __tablename__ = "saved_views"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    page: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(String(400), info=UNRECORDED)
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
        UNIQUE_FOREVER,
    )


class ViewVisit(Base):
    """When somebody last looked at a view, and up to which organization there was one then."""

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
    """With which view a page opens for somebody."""

    __tablename__ = "default_views"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    page: Mapped[str] = mapped_column(String(20), primary_key=True)
    view_id: Mapped[int] = mapped_column(
        ForeignKey("saved_views.id", ondelete="CASCADE"), index=True
    )
