"""What staff has for itself: notes, saved views, impersonation."""
