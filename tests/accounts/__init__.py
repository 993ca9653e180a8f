"""Tests of `core/accounts`."""
