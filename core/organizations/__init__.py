"""Organizations as a whole: create, delete, restore, list, filter, count, export."""
