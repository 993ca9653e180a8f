"""Accounts: sign-up, passwords, sessions, two-factor, and what administrators do with accounts."""
