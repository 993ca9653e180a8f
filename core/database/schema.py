"""Search indexes, triggers and the rules that the database itself enforces.

Each rule is a trigger, written once for both engines. Use cases check the same rules before; these
catch bugs and changes made with other tools.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from core.database import counters
from core.models import Base, Organization


@dataclass(frozen=True)
class Rule:
    """A condition that is `forbidden` after a change, in SQL that both engines understand."""

    name: str
    after: str
    forbidden: str
    sentence: str


_WAS_OWNER = """OLD.role = 'owner'
    AND EXISTS (SELECT 1 FROM organizations WHERE id = OLD.org_id AND deleted_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM memberships WHERE org_id = OLD.org_id AND role = 'owner')"""

_WAS_ADMINISTRATOR = """OLD.staff = 'administrator'
    AND OLD.disabled_at IS NULL AND OLD.deleted_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM users
        WHERE staff = 'administrator' AND disabled_at IS NULL AND deleted_at IS NULL)"""

_OF_DELETED = """EXISTS (SELECT 1 FROM organizations
        WHERE id = NEW.org_id AND deleted_at IS NOT NULL)"""

_OF_ORGANIZATIONS = ", ".join(
    column.name for column in Organization.__table__.columns if not column.info.get("unrecorded")
)

_OWNER = "A live organization always has an owner."
_ADMINISTRATOR = "There is always an active administrator."
_HISTORY = "History is only ever added to."
_MOVES = "A move is never altered."
_DELETED = "A deleted organization can only be restored or purged."
_MERGED = "A merged organization stays deleted until the merge is undone."

RULES = (
    Rule("keep_owner_on_removal", "DELETE ON memberships", _WAS_OWNER, _OWNER),
    Rule("keep_owner_on_change", "UPDATE OF role, org_id ON memberships", _WAS_OWNER, _OWNER),
    Rule(
        "keep_owner_on_restore",
        "UPDATE OF deleted_at ON organizations",
        """OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS NULL
    AND NEW.unclaimed_since IS NULL
    AND NOT EXISTS (SELECT 1 FROM memberships WHERE org_id = NEW.id AND role = 'owner')""",
        _OWNER,
    ),
    Rule(
        "keep_merged_deleted",
        "UPDATE OF deleted_at, merged_into ON organizations",
        "NEW.merged_into IS NOT NULL AND NEW.deleted_at IS NULL",
        _MERGED,
    ),
    Rule(
        "claim_with_owner",
        "UPDATE OF unclaimed_since ON organizations",
        """NEW.unclaimed_since IS NULL AND OLD.unclaimed_since IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM memberships WHERE org_id = NEW.id AND role = 'owner')""",
        _OWNER,
    ),
    Rule(
        "claim_for_good",
        "UPDATE OF unclaimed_since ON organizations",
        "NEW.unclaimed_since IS NOT NULL AND OLD.unclaimed_since IS NULL",
        "An organization that has had an owner stays claimed.",
    ),
    Rule(
        "keep_administrator_on_change",
        "UPDATE OF staff, disabled_at, deleted_at ON users",
        _WAS_ADMINISTRATOR,
        _ADMINISTRATOR,
    ),
    Rule("keep_administrator_on_removal", "DELETE ON users", _WAS_ADMINISTRATOR, _ADMINISTRATOR),
    Rule("keep_history_as_it_is", "UPDATE ON history", "1 = 1", _HISTORY),
    Rule("keep_history_whole", "DELETE ON history", "1 = 1", _HISTORY),
    Rule("keep_checkpoints_as_they_are", "UPDATE ON checkpoints", "1 = 1", _HISTORY),
    Rule("keep_checkpoints_whole", "DELETE ON checkpoints", "1 = 1", _HISTORY),
    Rule("keep_moves_as_they_were", "UPDATE ON moves", "1 = 1", _MOVES),
    Rule(
        "keep_organization_ids",
        "UPDATE OF id, public_id ON organizations",
        "OLD.id <> NEW.id OR OLD.public_id <> NEW.public_id",
        "The ids of an organization never change.",
    ),
    Rule(
        "leave_deleted_alone",
        f"UPDATE OF {_OF_ORGANIZATIONS} ON organizations",
        "OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS NOT NULL",
        _DELETED,
    ),
    Rule("nobody_joins_deleted", "INSERT ON memberships", _OF_DELETED, _DELETED),
    Rule(
        "nobody_rises_in_deleted",
        "UPDATE OF org_id, user_id, role, joined_at ON memberships",
        _OF_DELETED,
        _DELETED,
    ),
    Rule("nobody_is_invited_to_deleted", "INSERT ON invitations", _OF_DELETED, _DELETED),
    Rule(
        "nobody_accepts_deleted",
        "UPDATE OF status ON invitations",
        f"NEW.status = 'accepted' AND {_OF_DELETED}",
        _DELETED,
    ),
)

_SEARCHED = ("organizations", "notes", "users", "history_texts")
_SEARCH_INDEX = {
    "sqlite": (
        "CREATE VIRTUAL TABLE {table}_search USING fts5(search_text,"
        " content='{table}', content_rowid='id', tokenize='ascii', prefix='1 2 3 4')",
    ),
    "postgresql": (
        "ALTER TABLE {table} ADD COLUMN search_tokens tsvector GENERATED ALWAYS AS"
        " (array_to_tsvector(array_remove(string_to_array(search_text, ' '), ''))) STORED",
        "ALTER TABLE {table} ALTER COLUMN search_tokens SET STATISTICS 1000",
        "CREATE INDEX ix_{table}_search_tokens ON {table} USING gin (search_tokens)",
    ),
}
"""Full-text search with prefixes over `search_text` of each table."""

_STATISTICS = "CREATE STATISTICS organizations_by_rep (mcv) ON rep_id, stage FROM organizations"
"""Tells PostgreSQL that stage and sales rep correlate: free organizations have no rep."""

_UPDATE_SEARCH_INDEX = (
    """CREATE TRIGGER search_finds_new_{table} AFTER INSERT ON {table} BEGIN
    INSERT INTO {table}_search (rowid, search_text) VALUES (NEW.id, NEW.search_text);
END""",
    """CREATE TRIGGER search_finds_changed_{table} AFTER UPDATE OF search_text ON {table} BEGIN
    INSERT INTO {table}_search ({table}_search, rowid, search_text)
        VALUES ('delete', OLD.id, OLD.search_text);
    INSERT INTO {table}_search (rowid, search_text) VALUES (NEW.id, NEW.search_text);
END""",
    """CREATE TRIGGER search_forgets_purged_{table} AFTER DELETE ON {table} BEGIN
    INSERT INTO {table}_search ({table}_search, rowid, search_text)
        VALUES ('delete', OLD.id, OLD.search_text);
END""",
)

_UPDATE_MEMBER_SEARCH = {
    "sqlite": (
        """CREATE TRIGGER new_members_are_found AFTER INSERT ON memberships BEGIN
    UPDATE memberships SET found_by =
        (SELECT substr(search_text, 1, 400) FROM users WHERE id = NEW.user_id) WHERE id = NEW.id;
END""",
        """CREATE TRIGGER renamed_members_are_found AFTER UPDATE OF search_text ON users BEGIN
    UPDATE memberships SET found_by = substr(NEW.search_text, 1, 400) WHERE user_id = NEW.id;
END""",
    ),
    "postgresql": (
        """CREATE FUNCTION new_members_are_found() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
NEW.found_by := (SELECT substr(search_text, 1, 400) FROM users WHERE id = NEW.user_id);
RETURN NEW; END $$""",
        "CREATE TRIGGER new_members_are_found BEFORE INSERT ON memberships"
        " FOR EACH ROW EXECUTE FUNCTION new_members_are_found()",
        """CREATE FUNCTION renamed_members_are_found() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
UPDATE memberships SET found_by = substr(NEW.search_text, 1, 400) WHERE user_id = NEW.id;
RETURN NULL; END $$""",
        "CREATE TRIGGER renamed_members_are_found AFTER UPDATE OF search_text ON users"
        " FOR EACH ROW EXECUTE FUNCTION renamed_members_are_found()",
    ),
}
"""Keeps `memberships.found_by` up to date with the search text of users."""

_MATCH_ORGANIZATIONS = {
    "match_new_organizations": "INSERT",
    "match_changed_organizations": (
        "UPDATE OF name, website, phone, sales_email, alert_email, deleted_at"
    ),
}
_MATCH = "INSERT INTO unmatched_organizations (org_id) VALUES (NEW.id);"
"""Lets `core.duplicates.matching` look for duplicates of whatever may have some now."""

_SQLITE_RULE = """CREATE TRIGGER {rule.name} AFTER {rule.after}
WHEN {rule.forbidden}
BEGIN SELECT RAISE(ABORT, '{rule.sentence}'); END"""

_POSTGRESQL_RULE = (
    """CREATE FUNCTION {rule.name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
IF {rule.forbidden} THEN
    RAISE '{rule.sentence}' USING ERRCODE = 'integrity_constraint_violation';
END IF;
RETURN NULL; END $$""",
    "CREATE TRIGGER {rule.name} AFTER {rule.after} FOR EACH ROW EXECUTE FUNCTION {rule.name}()",
)

_NO_TRUNCATE = (
    f"""CREATE FUNCTION keep_history_at_all() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
RAISE '{_HISTORY}' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    *(
        f"CREATE TRIGGER keep_history_at_all BEFORE TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION keep_history_at_all()"
        for table in ("history", "checkpoints")
    ),
)


def create(connection: Connection) -> None:
    """Create the whole schema from the models; equal to the result of all migrations."""
    Base.metadata.create_all(connection)
    for table in _SEARCHED:
        for statement in _SEARCH_INDEX[connection.dialect.name]:
            connection.exec_driver_sql(statement.format(table=table))
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_STATISTICS)
    install_triggers(connection)


def install_triggers(connection: Connection) -> None:
    """Create every trigger of this version."""
    if connection.dialect.name == "sqlite":
        statements = [_SQLITE_RULE.format(rule=rule) for rule in RULES]
        updates = _UPDATE_SEARCH_INDEX
        statements += [each.format(table=table) for table in _SEARCHED for each in updates]
    else:
        statements = [part.format(rule=rule) for rule in RULES for part in _POSTGRESQL_RULE]
        statements += _NO_TRUNCATE
    statements += _UPDATE_MEMBER_SEARCH[connection.dialect.name]
    statements += counters.triggers(connection.dialect.name)
    for name, event in _MATCH_ORGANIZATIONS.items():
        on = f"{event} ON organizations"
        statements += counters.trigger(connection.dialect.name, name, on, _MATCH)
    for statement in statements:
        connection.exec_driver_sql(statement)


def remove_triggers(connection: Connection) -> None:
    """Drop every trigger, also those of other versions, so that migrations can rebuild tables."""
    if connection.dialect.name == "sqlite":
        find = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        drop = "DROP TRIGGER {}"
    else:
        find = """SELECT proname FROM pg_proc WHERE prorettype = 'trigger'::regtype
            AND pronamespace = current_schema()::regnamespace"""
        drop = "DROP FUNCTION {}() CASCADE"
    for name in connection.exec_driver_sql(find).scalars().all():
        connection.exec_driver_sql(drop.format(name))
