"""Alerts and onboarding digests, derived from history and sent once."""
