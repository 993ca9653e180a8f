"""Tests of `core/members`."""
