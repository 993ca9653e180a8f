"""Duplicates: the list of pairs, the groups, and two organizations side by side."""
