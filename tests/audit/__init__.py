"""Tests of `core/audit`."""
