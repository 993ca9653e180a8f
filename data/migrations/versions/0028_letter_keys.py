"""Let people turn off keys that are single letters."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    column = sa.Column("has_letter_keys", sa.Boolean(), nullable=False, server_default=sa.true())
    op.add_column("users", column)
