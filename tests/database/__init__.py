"""Tests of `core/database`."""
