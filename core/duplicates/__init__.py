"""Duplicates: organizations that are the same company, merged and taken apart again."""
