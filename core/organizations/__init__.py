"""Organizations as a whole: create, list, search, filter, count, export."""
