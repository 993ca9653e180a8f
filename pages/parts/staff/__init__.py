"""Parts of the staff desk: notes, saved views, mail, changes, impersonation."""
