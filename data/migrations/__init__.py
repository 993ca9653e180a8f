"""Every step of the schema, in order; `core.upgrade` takes them."""
