"""Tools for staff: notes, saved views, impersonation."""
