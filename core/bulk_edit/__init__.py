"""Bulk edit: change the same fields of many organizations, by the use cases of the single one."""
