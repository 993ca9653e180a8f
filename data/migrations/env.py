"""Run the migrations through the connection that `core.database.upgrade` hands over."""

from alembic import context

from core.models import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    **context.config.attributes.get("comparison", {}),
)
context.run_migrations()
