"""Let failures slow further attempts, each by a wait of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("throttles", sa.Column("blocked_until", sa.DateTime(timezone=True)))
