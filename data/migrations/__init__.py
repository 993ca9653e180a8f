"""Every step of the schema, in order; `core.database.upgrade` takes them."""
