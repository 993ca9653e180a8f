"""Tests of `core/access`."""
