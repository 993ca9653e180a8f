"""Write the next migration from what changed in the models: `python -m data.migrations "Add …"`.

Read what it wrote (a renamed column looks like one dropped and one added), then `ruff format` it.
"""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from alembic import command
from alembic.autogenerate.api import AutogenContext
from alembic.script import ScriptDirectory
from sqlalchemy.schema import SchemaItem

from core.database import db
from core.database.upgrade import MIGRATIONS, configuration, upgrade
from core.models.orm import UtcDateTime


def write(message: str) -> None:
    """Compare an empty, migrated database with the models, and write the difference down."""
    upgrade()
    steps = len(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions()))
    with db.engine().connect() as connection:
        config = configuration(connection)
        config.attributes["comparison"] = {
            "include_name": _is_ours,
            "render_item": _render,
            "render_as_batch": True,
        }
        command.revision(config, message, autogenerate=True, rev_id=f"{steps + 1:04}")


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and (name or "").startswith("organizations_search"))


def _render(kind: str, item: SchemaItem, _context: AutogenContext) -> str | Literal[False]:
    """Write the types of our own as what they are in the database: migrations outlive models."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


if __name__ == "__main__":
    with TemporaryDirectory() as directory:
        os.environ["DATABASE_URL"] = f"sqlite:///{Path(directory) / 'empty.db'}"
        write(sys.argv[1])
