"""The database itself: transactions, change tracking, search, schema, counters and migrations."""
